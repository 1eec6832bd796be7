// The camera, loaded at the first tap: the browser's own reader where it has one, else zxing in WebAssembly from our own origin.

const FORMATS = ["qr_code", "data_matrix", "code_128"];

async function detector() {
  const Own = globalThis.BarcodeDetector;
  const known = (await Own?.getSupportedFormats().catch(() => [])) ?? [];
  if (FORMATS.every((format) => known.includes(format))) return new Own({ formats: FORMATS });
  await new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = new URL("vendor/barcode-detector-3.2.2.js", import.meta.url);
    script.onload = resolve;
    script.onerror = () => reject(new Error("the reader could not be loaded"));
    document.head.append(script);
  });
  const { BarcodeDetector, prepareZXingModule } = globalThis.BarcodeDetectionAPI;
  const wasm = new URL("vendor/zxing_reader-3.1.3.wasm", import.meta.url).href;
  prepareZXingModule({ overrides: { locateFile: () => wasm } });
  return new BarcodeDetector({ formats: FORMATS });
}
let reader = null;

/** Film until a code was read. `stopped()` says whether somebody put the camera away. Resolves with the text or null. */
async function film(video, stopped) {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1280 } } });
  try {
    video.srcObject = stream;
    await video.play();
    reader ??= await detector();
    while (!stopped()) {
      const [found] = await reader.detect(video);
      if (found?.rawValue) return found.rawValue;
      await new Promise((next) => setTimeout(next, 60));
    }
    return null;
  } finally {
    for (const track of stream.getTracks()) track.stop();
    video.srcObject = null;
  }
}

/** What the camera's button does: film, and give what was read to `take`. Tapped again, it puts the camera away. Rejects without one. */
export async function tapped(viewer, said, take) {
  if (!viewer.hidden) return void (viewer.hidden = true);
  if (!navigator.mediaDevices) return said("The camera works only where the address begins with https. Use the scanner, or type the code.", "why");
  viewer.hidden = false;
  said("Hold the code before the camera. Tap Camera again to stop.");
  try {
    const text = await film(viewer.firstElementChild, () => viewer.hidden || !viewer.isConnected);
    if (text) take(text);
  } finally {
    viewer.hidden = true;
  }
}
