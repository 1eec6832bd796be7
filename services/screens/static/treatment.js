// At the chair: whether the page is live, clocks that run from the server's times, and a stop that is seen. Without it pages work as forms.

import { takeScans } from "./scans.js";

const live = document.getElementById("live");
const chair = document.getElementById("chair");
const milestone = document.getElementById("milestone");

// Whether it is live.

const SAYS = {
  live: "Live",
  blind: "Not quite live: looked up every few seconds.",
  behind: "The record is behind: what is shown may be out of date.",
  away: "Connection lost: trying again. What is shown may be out of date.",
  crowded: "Not live: too many pages are open. Reload it to see what has changed.",
  ended: "You are signed out. Reload the page to sign in again.",
};
const LAST = ["ended", "crowded"];
let state = "live"; // unless whoever answers says what is the matter

function say(state) {
  const said = live.querySelector("span");
  if (LAST.includes(live.dataset.said) || said.textContent === SAYS[state]) return;
  live.dataset.said = state;
  live.dataset.state = state === "live" ? "live" : state === "ended" ? "ended" : "away";
  said.textContent = SAYS[state];
  if (LAST.includes(state)) document.getElementById("stream")?.remove();
}

const connected = () => say(state);

function follow(stream) {
  stream.addEventListener("htmx:sse:after:connection", connected);
  stream.addEventListener("htmx:sse:after:message", connected);
  stream.addEventListener("htmx:sse:before:connection", (event) => {
    state = "live";
    if (event.detail.connection?.attempt > 0) say("away");
  });
  stream.addEventListener("htmx:sse:error", (event) => say(event.detail.status === 401 ? "ended" : "away"));
  for (const [told, meant] of [["blind", "blind"], ["behind", "behind"], ["sighted", "live"]]) {
    stream.addEventListener(told, () => { state = meant; connected(); });
  }
  stream.addEventListener("signedout", () => say("ended"));
  stream.addEventListener("crowded", () => say("crowded"));
}

const stream = document.getElementById("stream");
if (stream) follow(stream);
else live?.remove();

// Clocks. The server's time is what counts. This device's clock may be wrong: only how long it runs is taken from it, and from the
// one that goes on while a tablet sleeps.

const loaded = Date.now();
const served = Date.parse(chair?.dataset.now);
const now = () => served + Date.now() - loaded;

function run() {
  for (const clock of document.querySelectorAll("time[data-since]")) {
    const seconds = Math.max(0, Math.floor((now() - Date.parse(clock.dataset.since)) / 1000));
    const minutes = Math.floor(seconds / 60);
    const text = minutes < 60
      ? `${minutes}:${String(seconds % 60).padStart(2, "0")} min`
      : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
    if (clock.textContent !== text) clock.textContent = text;
    const words = clock.parentElement.querySelector("[data-milestones]");
    if (words) pass(words, minutes, clock.closest(".timer"), clock.dataset.since);
  }
}

// Milestones of numbing cream are said once, as they are passed; the running clock itself is never read out.

const reached = new Map();
function pass(words, minutes, timer, since) {
  const [begins, tone, text] = JSON.parse(words.dataset.milestones).findLast(([begins]) => minutes >= begins);
  if (words.textContent !== text) words.textContent = text;
  if (!timer.classList.contains(tone)) timer.className = `timer ${tone}`;
  if (reached.get(since) < begins) milestone.textContent = `Numbing cream: ${text}`;
  reached.set(since, begins);
}
run();
setInterval(run, 1000);

// A stop is in the title too, so that it is seen from another tab.

let title = document.title;
function warn() {
  document.title = document.querySelector(".stop") ? `STOP – ${title}` : title;
}
warn();

// What was opened stays open, and clocks go on, when the server sends the part anew.

let opened = [];
document.addEventListener("htmx:before:swap", () => {
  opened = [...document.querySelectorAll("details[id][open]")].map((details) => details.id);
});
document.addEventListener("htmx:after:swap", () => {
  for (const id of opened) document.getElementById(id)?.setAttribute("open", "");
  run();
  warn();
});

// What is named stands in the address, and the checklist is asked for anew: what is ticked or scanned is judged at once.

const start = document.getElementById("start");
function name() {
  const named = new URLSearchParams([...new FormData(start)].filter(([name, value]) => value && !["command_id", "scan"].includes(name)));
  if (named.get("room") === start.dataset.room) named.delete("room");
  const here = start.action.replace(/\/start$/, "");
  history.replaceState(null, "", `${here}?${named}`);
  for (const form of document.querySelectorAll("#chair form:not(#start)")) form.action = `${form.action.split("?")[0]}?${named}`;
  const old = document.getElementById("stream");
  if (!old) return;
  const anew = old.cloneNode();
  anew.setAttribute("hx-sse:connect", `${here}/live?${named}`);
  old.removeAttribute("hx-sse:connect");
  htmx.process(old, true); // closes it: a browser has six connections to a server, and waits for ever for a seventh
  old.replaceWith(anew);
  follow(anew);
  htmx.process(anew);
}
start?.addEventListener("change", (event) => event.target.matches("[type=checkbox], select") && name());

if (document.querySelector("input[data-scan]")) {
  takeScans((page, sent) => {
    title = page.title;
    run();
    warn();
    if (!start) return;
    const room = page.getElementById("room").value;
    if (room !== sent.get("room")) start.elements.room.value = room; // the label of a room was scanned
    name();
  });
}
