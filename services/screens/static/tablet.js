// The sterilization tablet: five forms, one Save, and a list that says where each entry is. Nothing here waits for the network.

import { drafts } from "./drafts.js";
import { clock, show } from "./entries.js";
import { addSample, empty, kept, putBack, setBox, setPacks, setSamples, valuesOf, watch, wetSince } from "./forms.js";
import { fill, judge, offer, remember } from "./offers.js";
import { OPEN, Outbox, uuid7 } from "./outbox.js";
import { clear, seenTo, tell } from "./problems.js";
import { KINDS, fieldOf, report } from "./reports.js";
import { exported, keeps } from "./this_tablet.js";
import { said, taking } from "./taking.js";
import { listen } from "./wedge.js";

const $ = (id) => document.getElementById(id);
const clinic = $("tablet").dataset.clinic;
const outbox = new Outbox(clinic);
/** `places`: where the draft of a form is kept while the form holds something else than its own, as a correction. */
const page = { kind: "cycle", correcting: null, drafts: drafts(clinic), places: {}, outbox, finish, turnTo, note };

const form = () => $(page.kind);
const input = (name) => form().querySelector(`[name="${name}"]`);
const noting = (set) => (value) => { set(value); note(); };
const { take, addPack, camera } = taking({ kept, kind: () => page.kind, form, turnTo, setPacks: noting(setPacks), setBox: noting(setBox) });

// Forms: one is shown, and each keeps what was typed until it is saved, also when the page is opened again.

function turnTo(next) {
  if (page.correcting && next !== page.kind) finish();
  const { correcting } = page;
  const kind = next in KINDS ? next : "cycle";
  page.kind = kind;
  for (const name of Object.keys(KINDS)) {
    $(name).hidden = name !== kind;
    const link = document.querySelector(`.kinds a[href="#${name}"]`);
    if (name === kind) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  $("title").textContent = correcting ? `Correct: ${correcting.title}` : `Log a${/^[ai]/i.test(form().dataset.word) ? "n" : ""} ${form().dataset.word.toLowerCase()}`;
  $("save").textContent = correcting ? "Save correction" : "Save";
  const half = offerLater();
  clear();
  if (half && !correcting) said(`Not saved yet: what was typed here ${clock(half.at)}.`, "why");
  else said("The scanner works anywhere on this page.");
  $("saved").textContent = "";
  fill(form(), kind, kept);
}

function finish() {
  page.correcting = null;
  reset(page.kind);
  $("code").value = "";
}

const place = () => page.places[page.kind] ?? page.kind;

/** Somebody typed, scanned or tapped something in the form. */
function note() {
  touched = true;
  page.drafts.keep(place(), { ...valuesOf(page.kind), since: wetSince(page.kind), at: new Date() });
  offerLater();
}

function offerLater() {
  const half = page.drafts.of(place());
  delete $("later").dataset.sure;
  $("later").hidden = !page.correcting && !half;
  $("later").textContent = page.correcting ? "Not now" : "Clear the form";
  return half;
}

/** What was typed is gone only when it was said twice; a correction waits on its card. */
function later() {
  const { dataset } = $("later");
  if (!page.correcting && !dataset.sure) {
    dataset.sure = "1";
    $("later").textContent = "Really clear?";
    return;
  }
  if (!page.correcting) page.drafts.drop(place());
  finish();
  turnTo(page.kind);
}

/** As new, or with what was half typed before a correction. */
function reset(name) {
  delete page.places[name];
  empty(name);
  giveBack(name);
}

function giveBack(name) {
  const half = page.drafts.of(name);
  if (!half) return;
  if (kept.entries.some((entry) => entry.id === half.id)) page.drafts.drop(name); // it is saved: the tab ended before it knew
  else putBack(name, half);
}

/** Saved in another tab, it may not be saved here once more; what somebody typed differently here stays. */
function goneElsewhere(name, half) {
  const same = ({ fields, packs, samples }) => JSON.stringify([fields, packs, samples]);
  if (!half.id || !(name in KINDS) || page.places[name] || same(valuesOf(name)) !== same(half)) return;
  reset(name);
  if (name === page.kind) turnTo(name);
}

// Saving: on disk first, then sent.

let savedAt = -Infinity;
let touched = false;
let saving = false;

/** A finger in a glove taps twice: that is one entry, and no complaint that the form is empty now. */
async function save() {
  if (saving || (!touched && performance.now() - savedAt < 1000)) return;
  saving = true;
  try {
    await store();
  } catch {
    tell(form(), "This is NOT saved", [{ reason: "The tablet could not keep it: its storage is full or closed to this page. Write it down, and use another tablet." }]);
  } finally {
    saving = false;
  }
}

/** A disk may take long, and a person goes on meanwhile: what is saved, and which form is emptied, is settled at the tap. */
async function store() {
  const [saved, filled, was, draft] = [page.kind, form(), page.correcting, place()];
  const found = report(saved, filled, kept);
  if (found.problems.length) return tell(filled, "This is not saved yet", found.problems);
  touched = false;
  const now = new Date(Date.now() - kept.ahead * 1000).toISOString();
  const values = valuesOf(saved);
  const device = await outbox.kept("device");
  if (was) {
    const clockWrong = was.problems.some((one) => fieldOf(one) === "occurred_at");
    const body = { ...found.body, occurred_at: clockWrong ? now : was.body.occurred_at, device };
    const change = { body, values, title: found.title, state: "waiting", problems: [], correction: was.correction + 1 };
    if (!(await outbox.change(was.id, (entry) => entry.state === "fix", change))) return (await import("./correcting.js")).late(page, was, saved, values);
  } else {
    const body = { ...found.body, occurred_at: now, device };
    const id = uuid7();
    page.drafts.keep(draft, { ...values, id, at: new Date() });
    const entry = { id, kind: saved, path: KINDS[saved].path, title: found.title, body, values, correction: 0, state: "waiting", problems: [] };
    await outbox.put({ ...entry, by: await outbox.author(), madeAt: new Date().toISOString() });
  }
  page.drafts.drop(draft);
  savedAt = performance.now();
  remember(new Map(values.fields), kept.last);
  await outbox.keep("last", kept.last);
  if (page.kind !== saved) reset(saved);
  else if (page.correcting === was) {
    finish();
    turnTo(saved);
    scrollTo(0, 0);
  }
  $("saved").textContent = `Saved on this tablet: ${found.title}`;
  outbox.drain();
}

// What is shown: the outcome of the last request, and the entries.

const LINKS = { up: "Connected", down: "No connection: entries wait on this tablet", signin: "Signed out: entries wait on this tablet", forbidden: "You may not record here: sign in as somebody who may", unknown: "Connecting" };

async function shown() {
  kept.entries = await outbox.all();
  const open = kept.entries.filter((entry) => OPEN.has(entry.state));
  const oldest = open.map((entry) => entry.madeAt).sort()[0];
  const hours = oldest ? Math.floor((Date.now() - Date.parse(oldest)) / 3_600_000) : 0;
  const words = [LINKS[outbox.link], ...(open.length ? [`${open.length} not sent`] : []), ...(hours > 1 ? [`the oldest for ${hours} h`] : [])].join(" · ");
  $("link").dataset.state = outbox.link === "up" && hours < 2 ? "live" : "away";
  if ($("link").lastElementChild.textContent !== words) $("link").lastElementChild.textContent = words;
  $("sign-in").hidden = !["signin", "forbidden"].includes(outbox.link);
  $("oldest").textContent = oldest ? clock(oldest) : "Everything is sent";
  kept.cycles = offer.cycles(kept);
  show($("entries"), kept.entries, clinic, OPEN);
}

async function refreshed() {
  kept.facts = (await outbox.kept("facts")) ?? null;
  kept.rooms = (await outbox.kept("rooms")) ?? [];
  kept.ahead = (await outbox.kept("ahead")) ?? 0;
  kept.last = (await outbox.kept("last")) ?? {};
  $("clock").textContent = kept.ahead ? `${Math.abs(kept.ahead)} s ${kept.ahead > 0 ? "ahead" : "behind"}: the times of entries are set right` : "Right";
  await shown();
  for (const name of Object.keys(KINDS)) fill($(name), name, kept);
}

/** Rooms are booking's to know: asked for by address, and kept as ids. */
async function rooms() {
  const answer = await fetch(`/clinics/${clinic}/resources`, { headers: { Accept: "application/json" }, cache: "no-store" }).catch(() => null);
  if (answer?.ok) await outbox.keep("rooms", (await answer.json()).rooms.map((room) => room.resource_id));
  await refreshed();
}

async function people() {
  if (!$("typed").open || kept.people.length) return;
  const answer = await fetch(`/clinics/${clinic}/tablet/people`, { headers: { Accept: "application/json" }, cache: "no-store" }).catch(() => null);
  if (answer?.ok) kept.people = await answer.json();
  fill(form(), page.kind, kept);
}

function now(name) {
  const at = new Date(Date.now() - kept.ahead * 1000);
  input(name).value = new Date(at - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

async function act({ act: wanted, id }, button) {
  const entry = kept.entries.find((one) => one.id === id);
  if (wanted === "mine") {
    const by = await outbox.author();
    await outbox.change(id, (one) => one.state === "other", { state: "waiting", by });
    return outbox.drain();
  }
  if (wanted === "correct" || button.dataset.sure) {
    const { correct, discard } = await import("./correcting.js");
    return wanted === "correct" ? correct(page, entry) : discard(page, id);
  }
  const say = (words, sure) => {
    button.dataset.sure = sure;
    button.textContent = words;
    button.setAttribute("aria-label", `${words}${sure ? "" : ":"} ${entry.title}`);
  };
  say("Really discard?", "1");
  setTimeout(say, 10_000, "Discard", "");
}

function wire() {
  addEventListener("hashchange", () => location.hash.slice(1) in KINDS && turnTo(location.hash.slice(1)));
  $("save").addEventListener("click", save);
  $("later").addEventListener("click", later);
  $("add-pack").addEventListener("click", () => addPack(uuid7()));
  $("add-sample").addEventListener("click", addSample);
  $("add-code").addEventListener("click", () => { take($("code").value); $("code").value = ""; });
  $("camera").addEventListener("click", camera);
  $("export").addEventListener("click", () => exported(kept.entries.filter((entry) => OPEN.has(entry.state))));
  $("typed").addEventListener("toggle", people);
  for (const one of document.querySelectorAll("main form")) one.addEventListener("submit", (event) => event.preventDefault());
  // While somebody types, not when they leave the field: what moves then moves away under the finger that left it.
  document.addEventListener("input", (event) => {
    if (!event.target.closest("form")) return;
    seenTo(event.target.closest("[data-field]"));
    fill(form(), page.kind, kept);
    judge(form(), kept);
    note();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !event.target.matches("input")) return;
    event.preventDefault(); // scanners end with Enter: that saves nothing
    if (event.target === $("code")) $("add-code").click();
  });
  document.addEventListener("click", (event) => {
    const pressed = event.target.closest("button, a");
    if (!pressed) return;
    const { dataset } = pressed;
    if (dataset.act) act(dataset, pressed).catch(() => said("This tablet cannot do that yet: connect it, and open this page again.", "why"));
    else if (dataset.remove) setPacks(kept.packs.filter((_, at) => at !== Number(dataset.remove)));
    else if (dataset.set) Object.assign(input(dataset.set), { value: dataset.value });
    else if (dataset.now) now(dataset.now);
    else if (dataset.watch) watch(pressed);
    else if (dataset.to) { event.preventDefault(); $(dataset.to).focus(); }
    if (pressed.closest("form")) note();
  });
  listen(document, {
    scanned: take,
    refused: () => said("Scan again. The scanner did not say where the code begins: set it to send the AIM identifier.", "why"),
    reading: (on) => on && said("Reading. Press Esc if nothing was scanned."),
  });
}

await outbox.open().catch((error) => {
  $("link").lastElementChild.textContent = "This browser keeps nothing for this page: use another tablet";
  throw error;
});
outbox.addEventListener("changed", shown);
outbox.addEventListener("facts", rooms);
page.drafts.gone(goneElsewhere);
setSamples();
wire();
turnTo(location.hash.slice(1));
await refreshed();
page.drafts.prune([...Object.keys(KINDS), ...kept.entries.filter((entry) => entry.state === "fix").map((entry) => entry.id)]);
Object.keys(KINDS).forEach(giveBack);
if (page.drafts.of(page.kind)) turnTo(page.kind);
outbox.drain();
keeps(outbox, clinic).catch(() => Object.assign($("shell"), { textContent: "Not ready: open this page once while connected and signed in" }));
