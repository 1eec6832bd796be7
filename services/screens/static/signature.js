// A signature that survives turning the tablet: strokes are kept, and drawn again at the new size.

import SignaturePad from "./vendor/signature_pad-5.1.4.min.js";

export function signature(canvas) {
  const pad = new SignaturePad(canvas, { penColor: "#101418", backgroundColor: "#ffffff" });
  let width = 0;

  function fit() {
    const box = canvas.getBoundingClientRect();
    if (!box.width || box.width === width) return;
    const strokes = pad.toData();
    const scale = width ? box.width / width : 1;
    const ratio = Math.max(window.devicePixelRatio || 1, 1);
    width = box.width;
    canvas.width = box.width * ratio;
    canvas.height = box.height * ratio;
    canvas.getContext("2d").scale(ratio, ratio);
    pad.clear();
    for (const stroke of strokes) for (const point of stroke.points) { point.x *= scale; point.y *= scale; }
    pad.fromData(strokes);
  }

  new ResizeObserver(fit).observe(canvas);

  // Where and when, never how hard: pressure would tell more of a hand than a signature needs.
  function strokes() {
    const data = pad.toData().filter((stroke) => stroke.points.length);
    const begun = data[0]?.points[0].time ?? 0;
    return data.map((stroke) => stroke.points.slice(0, 5000).map(({ x, y, time }) => [Math.round(x), Math.round(y), Math.max(0, time - begun)]));
  }

  return { clear: () => pad.clear(), isEmpty: () => pad.isEmpty(), strokes, png: () => canvas.toDataURL("image/png") };
}
