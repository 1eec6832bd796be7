// Signing: draw or type, and the hash of the text as it stands on the screen. Without it the page is a plain form with a typed name.

import { signature } from "./signature.js";

const form = document.getElementById("signing");
const drawing = document.getElementById("drawing");
const typing = document.getElementById("typing");
const name = document.getElementById("name");
const MOST_PICTURE = 380_000;

const pad = signature(document.getElementById("pad"));

function choose(method) {
  drawing.hidden = method === "typed";
  typing.hidden = method === "drawn";
  form.elements.method.value = method;
}

function put(field, value) {
  let input = form.querySelector(`input[name=${field}]`);
  if (!input) {
    input = Object.assign(document.createElement("input"), { type: "hidden", name: field });
    form.append(input);
  }
  input.value = value;
}

document.getElementById("clear").addEventListener("click", () => pad.clear());
document.getElementById("type").addEventListener("click", () => { choose("typed"); name.focus(); });
document.getElementById("draw").addEventListener("click", () => { choose("drawn"); document.getElementById("type").focus(); });
document.getElementById("back-to-drawing").hidden = false;
choose(name.value ? "typed" : "drawn");

// Only where the browser computes hashes (TLS, or this machine); else the form keeps the one that came with the page.
async function hashed() {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(document.getElementById("text").textContent));
  return [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

let sending = false;
form.addEventListener("submit", async (event) => {
  if (event.submitter?.name) return; // a no, or the tablet given back
  event.preventDefault();
  if (sending) return;
  sending = true;
  if (globalThis.crypto?.subtle) put("text_digest", await hashed());
  if (form.elements.method.value === "drawn" && !pad.isEmpty()) {
    put("strokes", JSON.stringify(pad.strokes()));
    const picture = pad.png();
    if (picture.length < MOST_PICTURE) put("png", picture.replace(/^data:image\/png;base64,/, ""));
  }
  form.submit();
});

// Back from the next page: the form may be sent again.
addEventListener("pageshow", () => { sending = false; });
