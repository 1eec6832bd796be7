// On a shared tablet: whoever touches nothing for long is signed out, and whoever touches something stays signed in.

const { idle, lock } = document.querySelector("[data-idle]").dataset;
const IDLE = Number(idle) * 1000;
const AGAIN = 60_000;
let acted = Date.now();
let told = Date.now();
let asking = false;

function acts() {
  acted = Date.now();
  if (acted - told > AGAIN) {
    told = acted;
    fetch(`${lock}/here`).catch(() => {}); // without the network the work goes on, under the next sign-in
  }
}

for (const kind of ["pointerdown", "keydown", "scroll"]) addEventListener(kind, acts, { passive: true, capture: true });

async function look() {
  if (asking || Date.now() - acted < IDLE) return;
  asking = true;
  try {
    const answer = await fetch(`${lock}/idle`, { method: "POST" });
    if (answer.ok && (await answer.json()).locked) location.replace(`${lock}/who`);
    else if (answer.ok) acted = Date.now(); // a device of their own: it lasts the day
  } catch {
    // no network: nobody can be signed out now, nor look anything up; it locks as soon as the network is back
  } finally {
    asking = false;
  }
}

setInterval(look, Math.min(5000, IDLE / 2));
document.addEventListener("visibilitychange", look);
