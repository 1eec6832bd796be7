// On a shared tablet: whoever touches nothing for long is signed out, and whoever touches something stays signed in.

const { idle, lock } = document.querySelector("[data-idle]").dataset;
const IDLE = Number(idle) * 1000;
const AGAIN = 60_000;
let acted = Date.now();
let told = Date.now();
let asking = false;
let covered = false;

function acts() {
  acted = Date.now();
  if (acted - told > AGAIN) {
    told = acted;
    fetch(`${lock}/here`).catch(() => {}); // without the network the work goes on, under the next sign-in
  }
}

for (const kind of ["pointerdown", "keydown", "scroll"]) addEventListener(kind, acts, { passive: true, capture: true });

async function look() {
  if (asking || (!covered && Date.now() - acted < IDLE)) return;
  asking = true;
  try {
    const answer = await fetch(`${lock}/idle`, { method: "POST" });
    if (answer.ok && (await answer.json()).locked) location.replace(`${lock}/who`);
    else if (answer.ok && covered) location.reload();
    else if (answer.ok) acted = Date.now(); // a device of their own: it lasts the day
  } catch {
    // no network: nobody can be signed out now; it locks as soon as the network is back
    cover();
  } finally {
    asking = false;
  }
}

// Nobody reads meanwhile what somebody left open. The tablet for loads names no client, and goes on without network: it stays.
function cover() {
  if (covered || document.getElementById("tablet")) return;
  covered = true;
  const title = document.createElement("h1");
  const words = document.createElement("p");
  title.textContent = "Locked";
  words.textContent = "Nobody touched this tablet for long, and there is no network. As soon as it is back, the tablet asks who you are.";
  const main = document.getElementById("main");
  main.replaceChildren(title, words);
  main.focus();
  document.title = "Locked – Asepsis";
}

setInterval(look, Math.min(5000, IDLE / 2));
document.addEventListener("visibilitychange", look);
