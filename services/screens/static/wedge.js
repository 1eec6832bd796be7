// A scanner that types. Its scan begins with the AIM identifier (`]d2`, `]C1`, `]Q1` …) and ends with Enter: that is the frame, and no
// timing is asked, since a busy tablet delays keys. Without the identifier nobody can tell a scan from its second half, so a burst of
// keys is refused, and what leaked into a field is taken back.

const START = /^\](?:$|[A-Za-z]$|[A-Za-z][0-9A-Za-z])/;
const GS = "\x1d";
const MOST = 300;
const BURST_KEYS = 8;
const BURST_MS = 35;

/** Calls `scanned(text)` for a framed scan, `refused()` for a burst without a frame, `reading(bool)` while one comes in. */
export function listen(target, { scanned, refused, reading = () => {} }) {
  let frame = null; // what came in since "]"
  let burst = [];
  let last = -Infinity;

  function end() {
    const held = frame;
    frame = null;
    if (held !== null) reading(false);
    return held;
  }

  function giveBack(text, field = document.activeElement) {
    if (!text || !field?.matches?.("input, textarea") || field.readOnly) return;
    try {
      field.setRangeText(text, field.selectionStart, field.selectionEnd, "end");
    } catch {
      field.value += text; // numbers and dates know no selection
    }
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }

  function sign(event) {
    if (event.key === "F8" || (event.ctrlKey && (event.key === "]" || event.code === "BracketRight")) || event.key === GS) return GS;
    return event.key.length === 1 && !event.ctrlKey && !event.altKey && !event.metaKey ? event.key : null;
  }

  function inFrame(event) {
    if (event.key === "Escape") {
      event.preventDefault();
      end();
      return;
    }
    const complete = frame.length > 3;
    if (event.key === "Enter" && complete) {
      event.preventDefault();
      event.stopPropagation();
      scanned(end());
      return;
    }
    const typed = sign(event);
    if (typed === null) {
      if (event.key.length > 1 && !["Shift", "Control", "Alt", "AltGraph", "CapsLock"].includes(event.key)) giveBack(end());
      return;
    }
    if (!START.test(frame + typed) || frame.length >= MOST) {
      giveBack(end()); // somebody typed a bracket: it is theirs, and so is this key
      return;
    }
    event.preventDefault();
    frame += typed;
    if (frame.length === 3) reading(true);
  }

  function outside(event) {
    const typed = sign(event);
    if (event.key === "Enter") {
      if (burst.length >= BURST_KEYS && event.timeStamp - last < BURST_MS * 3) {
        event.preventDefault();
        event.stopPropagation();
        takeBack();
        refused();
      }
      burst = [];
      return;
    }
    if (event.key === "Tab") burst = []; // what follows is meant for something else
    if (typed === null) return;
    if (typed === "]") {
      event.preventDefault();
      frame = "]";
      burst = [];
      return;
    }
    if (event.timeStamp - last > BURST_MS) burst = [];
    if (!burst.length) before = { field: document.activeElement, value: document.activeElement?.value };
    burst.push(typed);
    last = event.timeStamp;
  }

  let before = {};
  function takeBack() {
    if (before.field && before.field.value !== undefined && before.field.value !== before.value) {
      before.field.value = before.value;
      before.field.dispatchEvent(new Event("input", { bubbles: true }));
    }
  }

  function pressed(event) {
    if (event.isComposing) return;
    if (frame === null) outside(event);
    else inFrame(event);
  }

  target.addEventListener("keydown", pressed, { capture: true });
  target.addEventListener("focusout", (event) => frame !== null && frame.length < 3 && giveBack(end(), event.target));
}
