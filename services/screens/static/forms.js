// What the forms hold: filled in, put back, emptied.

import { made } from "./entries.js";
import { fill } from "./offers.js";
import { plain, restore, samplesOf, snapshot, tail } from "./reports.js";

const $ = (id) => document.getElementById(id);
const NEW_SAMPLES = [["0", ""], ["", ""]];
const boxOf = (name) => $("lot").querySelector(`[name="${name}"]`);

/** What this tablet knows, and what no field holds: the packs of the load, and what the box says. */
export const kept = { facts: null, rooms: [], people: [], last: {}, packs: [], box: null, cycles: [], ahead: 0, entries: [] };

export function setPacks(packs) {
  kept.packs = packs;
  $("packs").replaceChildren(...packs.map((pack, at) => made("li", {},
    made("span", { text: `${plain(pack.contents)} · ${tail(pack.pack_id)}` }),
    made("button", { type: "button", "data-remove": at, "aria-label": `Remove ${plain(pack.contents)} ${tail(pack.pack_id)}`, text: "Remove" }))));
}

export function setSamples(rows = NEW_SAMPLES) {
  const cell = (words, unit, value, at) => made("label", {}, made("span", { text: words }), made("input", { inputmode: "decimal", autocomplete: "off", value, "aria-label": `${words} of reading ${at + 1}, in ${unit}` }), made("span", { class: "hint", text: unit }));
  $("samples").replaceChildren(...rows.map(([second, degrees], at) => made("li", {}, cell("At", "s", second, at), cell("Temperature", "°C", degrees, at))));
  $("judged").textContent = "";
}

export function addSample() {
  setSamples([...[...$("samples").children].map((row) => [...row.querySelectorAll("input")].map((one) => one.value)), ["", ""]]);
}

export async function setBox(scan) {
  boxOf("scan").value = scan;
  kept.box = null;
  $("box").hidden = !scan;
  if (!scan) return;
  const { read } = await import("./gs1.js");
  if (boxOf("scan").value !== scan) return;
  try {
    kept.box = read(scan);
    const expired = kept.box.expires_on < new Date().toLocaleDateString("sv");
    $("box").textContent = `Lot ${kept.box.lot}, product ${kept.box.gtin}, expires on ${kept.box.expires_on}${kept.box.serial ? `, serial ${kept.box.serial}` : ""}${expired ? ". It has EXPIRED: do not use it." : ""}`;
    $("box").classList.toggle("expired", expired);
  } catch (wrong) {
    $("box").textContent = `Read, but ${wrong.message}.`;
  }
}

const watchOf = (name) => $(name).querySelector("[data-watch]");

/** Since when a surface is wet: that goes on while the page is not there. */
export const wetSince = (name) => watchOf(name)?.dataset.since;

export function watch(button) {
  const { since } = button.dataset;
  if (since) $(button.dataset.watch).value = Math.floor((Date.now() - since) / 1000);
  timed(button, since ? null : Date.now());
}

function timed(button, since) {
  if (!button) return;
  if (since) button.dataset.since = since;
  else delete button.dataset.since;
  button.textContent = since ? "Stop: it is dry" : "Start the timer";
}

export function valuesOf(name) {
  return { fields: snapshot($(name)), packs: name === "cycle" ? kept.packs : [], samples: samplesOf($(name)) };
}

export function putBack(name, { fields, packs, samples, since }) {
  if (name === "cycle") {
    setPacks(packs);
    setSamples(samples.length ? samples : NEW_SAMPLES);
  }
  restore($(name), fields);
  fill($(name), name, kept);
  restore($(name), fields);
  timed(watchOf(name), since);
  if (name !== "lot") return;
  setBox(boxOf("scan").value);
  $("typed").open ||= Boolean(boxOf("gtin").value);
}

export function empty(name) {
  restore($(name), []);
  timed(watchOf(name));
  if (name === "lot") setBox("");
  if (name !== "cycle") return;
  setPacks([]);
  setSamples();
}
