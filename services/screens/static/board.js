// The day board's own: says whether it is live, and moves the focus by keys and with the panel. Without it the page works as links and forms.

const live = document.getElementById("live");
const panel = document.getElementById("panel");
const stream = document.getElementById("stream");
let opener = null;
let state = ""; // what keeps it from being live though it is connected

function say(state, words) {
  const said = live.querySelector("span");
  if (live.dataset.state !== state || said.textContent !== words) {
    live.dataset.state = state;
    said.textContent = words;
  }
}

const LIVE = "Live";
const BLIND = "Not quite live: looked up every few seconds.";
const AGAIN = "Connection lost: trying again. What is shown may be out of date.";
const BEHIND = "The record is behind: what is shown may be out of date.";

function connected() {
  say(state ? "away" : "live", { blind: BLIND, behind: BEHIND }[state] ?? LIVE);
}

stream.addEventListener("htmx:sse:after:connection", connected);
stream.addEventListener("htmx:sse:after:message", () => live.dataset.state === "ended" || connected());
stream.addEventListener("htmx:sse:before:connection", (event) => {
  state = ""; // whoever answers next says what is the matter there
  if (event.detail.connection?.attempt > 0) lost();
});
stream.addEventListener("htmx:sse:error", (event) => (event.detail.status === 401 ? ended() : lost()));
stream.addEventListener("blind", () => { state = "blind"; connected(); });
stream.addEventListener("behind", () => { state = "behind"; connected(); });
stream.addEventListener("sighted", () => { state = ""; connected(); });
stream.addEventListener("signedout", () => ended());
stream.addEventListener("crowded", () => ended("You have many other pages open: close some, then reload this one."));

function lost() {
  if (live.dataset.state !== "ended") say("away", AGAIN);
}

function ended(words = "You are signed out. Reload the page to sign in again.") {
  say("ended", words);
  stream.remove();
}

// The panel: what is opened in it takes the focus, and gives it back.

panel.addEventListener("htmx:after:swap", shown);
document.addEventListener("htmx:after:swap", (event) => event.target === panel || shown());
function shown() {
  const title = panel.querySelector("h1, h2");
  if (title && !panel.contains(document.activeElement) && opener) {
    title.tabIndex = -1;
    title.focus();
  }
}

function close() {
  panel.replaceChildren();
  const back = opener && document.getElementById(opener)?.querySelector("a.open");
  opener = null;
  back?.focus();
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a.open");
  if (link) opener = link.closest("li").id;
  if (event.target.closest("#panel [data-close]")) {
    event.preventDefault();
    close();
  }
});

document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest("input, select, textarea")) return;
  if (event.key === "Escape" && panel.firstElementChild) close();
  // Letters mean something only while the focus is on the board: people who speak to their computer type them by accident.
  if (!event.target.closest("#board")) return;
  if (event.key === "n") document.getElementById("book")?.click();
  if (event.key === "j" || event.key === "k") {
    const cards = [...document.querySelectorAll("#board a.open")];
    const at = cards.indexOf(document.activeElement);
    const next = event.key === "j" ? at + 1 : at < 0 ? cards.length - 1 : at - 1;
    cards[Math.max(0, Math.min(cards.length - 1, next))]?.focus();
  }
});
