// The sterilization tablet: five forms, one Save, and a list that says where each entry is. Nothing here waits for the network.

import { clock, made, show } from "./entries.js";
import { fill, judge, offer, remember } from "./offers.js";
import { OPEN, Outbox, uuid7 } from "./outbox.js";
import { clear, seenTo, tell } from "./problems.js";
import { KINDS, fieldOf, plain, report, restore, samplesOf, snapshot, tail } from "./reports.js";
import { exported, keeps } from "./this_tablet.js";
import { read } from "./gs1.js";
import { said, taking } from "./taking.js";
import { listen } from "./wedge.js";

const $ = (id) => document.getElementById(id);
const clinic = $("tablet").dataset.clinic;
const outbox = new Outbox(clinic);
const kept = { facts: null, rooms: [], people: [], last: {}, packs: [], box: null, cycles: [], ahead: 0, entries: [] };
const NEW_SAMPLES = [["0", ""], ["", ""]];
let kind = "cycle";
let correcting = null;

const form = () => $(kind);
const input = (name) => form().querySelector(`[name="${name}"]`);
const { take, addPack, camera } = taking({ kept, kind: () => kind, form, turnTo, setPacks, setBox });

// Forms: one is shown, and each keeps what was typed until it is saved.

function turnTo(next) {
  if (correcting && next !== kind) finish();
  kind = next in KINDS ? next : "cycle";
  for (const name of Object.keys(KINDS)) {
    $(name).hidden = name !== kind;
    const link = document.querySelector(`.kinds a[href="#${name}"]`);
    if (name === kind) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  $("title").textContent = correcting ? `Correct: ${correcting.title}` : `Log a${/^[ai]/i.test(form().dataset.word) ? "n" : ""} ${form().dataset.word.toLowerCase()}`;
  $("save").textContent = correcting ? "Save correction" : "Save";
  $("later").hidden = !correcting;
  clear();
  said("The scanner works anywhere on this page.");
  $("saved").textContent = "";
  fill(form(), kind, kept);
}

function finish() {
  correcting = null;
  empty(form());
  $("code").value = "";
}

function empty(filled) {
  restore(filled, []);
  if (filled.id === "lot") setBox("");
  if (filled.id !== "cycle") return;
  setPacks([]);
  setSamples(NEW_SAMPLES);
}

function setPacks(packs) {
  kept.packs = packs;
  $("packs").replaceChildren(...packs.map((pack, at) => made("li", {},
    made("span", { text: `${plain(pack.contents)} · ${tail(pack.pack_id)}` }),
    made("button", { type: "button", "data-remove": at, "aria-label": `Remove ${plain(pack.contents)} ${tail(pack.pack_id)}`, text: "Remove" }))));
}

function setSamples(rows) {
  const cell = (words, unit, value, at) => made("label", {}, made("span", { text: words }), made("input", { inputmode: "decimal", autocomplete: "off", value, "aria-label": `${words} of reading ${at + 1}, in ${unit}` }), made("span", { class: "hint", text: unit }));
  $("samples").replaceChildren(...rows.map(([second, degrees], at) => made("li", {}, cell("At", "s", second, at), cell("Temperature", "°C", degrees, at))));
  $("judged").textContent = "";
}

function setBox(scan) {
  input0("lot", "scan").value = scan;
  kept.box = null;
  $("box").hidden = !scan;
  if (!scan) return;
  try {
    kept.box = read(scan);
    const expired = kept.box.expires_on < new Date().toLocaleDateString("sv");
    $("box").textContent = `Lot ${kept.box.lot}, product ${kept.box.gtin}, expires on ${kept.box.expires_on}${kept.box.serial ? `, serial ${kept.box.serial}` : ""}${expired ? ". It has EXPIRED: do not use it." : ""}`;
    $("box").classList.toggle("expired", expired);
  } catch (wrong) {
    $("box").textContent = `Read, but ${wrong.message}.`;
  }
}
const input0 = (name, of) => $(name).querySelector(`[name="${of}"]`);

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
  const [saved, filled, was] = [kind, form(), correcting];
  const found = report(saved, filled, kept);
  if (found.problems.length) return tell(filled, "This is not saved yet", found.problems);
  touched = false;
  const now = new Date(Date.now() - kept.ahead * 1000).toISOString();
  const values = { fields: snapshot(filled), packs: saved === "cycle" ? kept.packs : [], samples: samplesOf(filled) };
  const device = await outbox.kept("device");
  if (was) {
    const clockWrong = was.problems.some((one) => fieldOf(one) === "occurred_at");
    const body = { ...found.body, occurred_at: clockWrong ? now : was.body.occurred_at, device };
    const change = { body, values, title: found.title, state: "waiting", problems: [], correction: was.correction + 1 };
    if (!(await outbox.change(was.id, (entry) => entry.state === "fix", change))) return late(was, saved, values);
  } else {
    const body = { ...found.body, occurred_at: now, device };
    const entry = { id: uuid7(), kind: saved, path: KINDS[saved].path, title: found.title, body, values, correction: 0, state: "waiting", problems: [] };
    await outbox.put({ ...entry, by: await outbox.author(), madeAt: new Date().toISOString() });
  }
  savedAt = performance.now();
  remember(new Map(values.fields), kept.last);
  await outbox.keep("last", kept.last);
  if (kind !== saved) empty(filled);
  else if (correcting === was) {
    finish();
    turnTo(saved);
    scrollTo(0, 0);
  }
  $("saved").textContent = `Saved on this tablet: ${found.title}`;
  outbox.drain();
}

/** The entry went on meanwhile; what was typed stays. */
function late(was, name, values) {
  if (correcting === was) correcting = null;
  turnTo(name);
  putBack(name, values);
  tell(form(), "This is NOT saved", [{ reason: `“${was.title}” was corrected or discarded meanwhile. Save this only as another entry.` }]);
}

function correct(entry) {
  if (correcting) finish();
  [kind, correcting] = [entry.kind, entry];
  if (location.hash !== `#${kind}`) history.replaceState(null, "", `#${kind}`);
  turnTo(kind);
  putBack(kind, entry.values);
  tell(form(), "Correct this, then save it again", entry.problems);
}

function putBack(name, { fields, packs, samples }) {
  if (name === "cycle") {
    setPacks(packs);
    setSamples(samples.length ? samples : NEW_SAMPLES);
  }
  restore($(name), fields);
  fill($(name), name, kept);
  restore($(name), fields);
  if (name === "lot") setBox(input0("lot", "scan").value);
}

async function discard(id) {
  const gone = await outbox.change(id, (one) => one.state === "fix", { state: "discarded" });
  if (!gone || correcting?.id !== id) return;
  finish();
  turnTo(kind);
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
  fill(form(), kind, kept);
}

function now(name) {
  const at = new Date(Date.now() - kept.ahead * 1000);
  input(name).value = new Date(at - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function watch(button) {
  const target = $(button.dataset.watch);
  if (button.dataset.since) {
    target.value = Math.floor((Date.now() - Number(button.dataset.since)) / 1000);
    delete button.dataset.since;
    button.textContent = "Start the timer";
  } else {
    button.dataset.since = Date.now();
    button.textContent = "Stop: it is dry";
  }
}

function act({ act: wanted, id }, button) {
  const entry = kept.entries.find((one) => one.id === id);
  if (wanted === "correct") return correct(entry);
  if (wanted === "mine") {
    return outbox.author().then((by) => outbox.change(id, (one) => one.state === "other", { state: "waiting", by })).then(() => outbox.drain());
  }
  if (button.dataset.sure) return discard(id);
  button.dataset.sure = "1";
  button.textContent = "Really discard?";
  button.setAttribute("aria-label", `Really discard? ${entry.title}`);
}

function wire() {
  addEventListener("hashchange", () => location.hash.slice(1) in KINDS && turnTo(location.hash.slice(1)));
  $("save").addEventListener("click", save);
  $("later").addEventListener("click", () => { finish(); turnTo(kind); });
  $("add-pack").addEventListener("click", () => addPack(uuid7()));
  $("add-sample").addEventListener("click", () => setSamples([...[...$("samples").children].map((row) => [...row.querySelectorAll("input")].map((one) => one.value)), ["", ""]]));
  $("add-code").addEventListener("click", () => { take($("code").value); $("code").value = ""; });
  $("camera").addEventListener("click", camera);
  $("export").addEventListener("click", () => exported(kept.entries.filter((entry) => OPEN.has(entry.state))));
  $("typed").addEventListener("toggle", people);
  for (const one of document.querySelectorAll("main form")) one.addEventListener("submit", (event) => event.preventDefault());
  // While somebody types, not when they leave the field: what moves then moves away under the finger that left it.
  document.addEventListener("input", (event) => {
    if (!event.target.closest("form")) return;
    touched = true;
    seenTo(event.target.closest("[data-field]"));
    fill(form(), kind, kept);
    judge(form(), kept);
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
    if (dataset.act) act(dataset, pressed);
    else if (dataset.remove) setPacks(kept.packs.filter((_, at) => at !== Number(dataset.remove)));
    else if (dataset.set) Object.assign(input(dataset.set), { value: dataset.value });
    else if (dataset.now) now(dataset.now);
    else if (dataset.watch) watch(pressed);
    else if (dataset.to) { event.preventDefault(); $(dataset.to).focus(); }
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
setSamples(NEW_SAMPLES);
wire();
turnTo(location.hash.slice(1));
await refreshed();
outbox.drain();
keeps(outbox, clinic).catch(() => Object.assign($("shell"), { textContent: "Not ready: open this page once while connected and signed in" }));
