// On a shared tablet: whoever does nothing for long is signed out, and whoever does something stays signed in.

const form = document.querySelector("form.who");
const idle = Number(form.dataset.idle) * 1000;
const AGAIN = 60_000;
let acted = Date.now();
let told = Date.now();

function acts() {
  acted = Date.now();
  if (acted - told > AGAIN) {
    told = acted;
    fetch(form.dataset.here, { credentials: "same-origin" }).catch(() => {}); // the network is away: so are all who might look
  }
}

for (const kind of ["pointerdown", "keydown", "scroll"]) addEventListener(kind, acts, { passive: true });

let leaving = false;
async function look() {
  if (leaving || Date.now() - acted < idle) return;
  leaving = true;
  try {
    await fetch(form.action, { method: "POST", credentials: "same-origin" });
    location.replace(form.dataset.who);
  } catch {
    leaving = false; // work goes on without the network; it locks as soon as it is back
  }
}

setInterval(look, Math.min(5000, idle / 2));
document.addEventListener("visibilitychange", look);
