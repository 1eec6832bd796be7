// What the forms offer: machines, programs and places that the tablet keeps, with what was chosen last.

import { made } from "./entries.js";
import { millidegrees, plain, samplesOf, short } from "./reports.js";

const degrees = (thousandths) => `${(thousandths / 1000).toFixed(1).replace(/\.0$/, "")} °C`;
const minutes = (seconds) => (seconds % 60 ? `${seconds} s` : `${seconds / 60} min`);

function choices(place, name, items) {
  if (!place || !items.length) return;
  const chosen = place.querySelector(":checked")?.value;
  const wanted = items.map(([value, words]) => made("label", { class: "choice" }, made("input", { type: "radio", name, value }), words));
  const now = [...place.children];
  if (now.length === wanted.length && wanted.every((node, at) => node.isEqualNode(now[at]))) return;
  place.replaceChildren(...wanted);
  const again = [...place.querySelectorAll("input")].find((one) => one.value === chosen);
  if (again) again.checked = true;
}

export const offer = {
  sterilizer_id: ({ facts }) => (facts?.sterilizers ?? []).map((one) => [one.sterilizer_id, one.serial + (one.in_service ? "" : " (out of service)")]),
  program: ({ facts }, form) => {
    const machine = facts?.sterilizers.find((one) => one.sterilizer_id === form.querySelector("[name=sterilizer_id]:checked")?.value);
    const offered = (facts?.programs ?? []).filter((one) => machine?.programs.includes(one.code));
    return offered.map((one) => [one.code, `${plain(one.code)} · ${degrees(one.from_mc)} · ${minutes(one.exposure_seconds)}`]);
  },
  indicator_product: (kept) => (kept.facts ? [["", "None"], ...offer.bi_product(kept)] : []),
  bi_product: ({ facts }) => (facts?.products ?? []).map((one) => [one.code, plain(one.code)]),
  room_id: ({ facts, rooms }) => [...new Set([...rooms, ...(facts?.rooms ?? []).map((one) => one.subject_id)])].sort().map((id) => [id, `Room ${short(id)}`]),
  handpiece_id: ({ facts }) => (facts?.handpieces ?? []).map((one) => [one.subject_id, one.serial]),
  cycle_id: (kept) => kept.cycles.map((one) => [one.cycle_id, one.title]),
  checked_by: ({ people }) => people.map((one) => [one.id, one.name]),
  /** Loads whose indicator was not read: those that the server knows, and those that wait here. */
  cycles: ({ facts, entries }) => {
    const serial = (id) => facts?.sterilizers.find((one) => one.sterilizer_id === id)?.serial ?? "Sterilizer";
    const known = (facts?.pending ?? []).map((one) => ({ ...one, title: `${serial(one.sterilizer_id)} · cycle ${one.cycle_number}` }));
    const here = entries.filter((one) => one.kind === "cycle" && one.body.indicator && !["sent", "discarded"].includes(one.state));
    const mine = here.map((one) => ({ cycle_id: one.id, title: one.title, product: one.body.indicator.product, lot: one.body.indicator.lot }));
    return [...mine.filter((one) => !known.some((other) => other.cycle_id === one.cycle_id)), ...known];
  },
};

const FIRST = { indicator_product: "" };
const OFFERED_AGAIN = ["product", "label_seconds"];

export function fill(form, kind, kept) {
  for (const place of form.querySelectorAll("[data-offer]")) {
    const name = place.dataset.offer;
    choices(place, name, offer[name](kept, form));
    if (place.querySelector(":checked")) continue;
    const last = name in FIRST ? FIRST[name] : kept.last[name];
    const only = place.querySelectorAll("input").length === 1 ? place.querySelector("input") : null;
    const found = [...place.querySelectorAll("input")].find((one) => one.value === last) ?? (name === "cycle_id" ? null : only);
    if (found && !["room_id", "handpiece_id", "cycle_id", "checked_by"].includes(name)) {
      found.checked = true;
      if (name === "sterilizer_id") choices(form.querySelector("[data-offer=program]"), "program", offer.program(kept, form));
    }
  }
  for (const name of OFFERED_AGAIN) {
    const field = form.querySelector(`[name="${name}"]:not([type=radio])`);
    if (field && !field.value && !field.dataset.offered && kept.last[name]) Object.assign(field, { value: kept.last[name] }).dataset.offered = "1"; // cleared, it stays empty
  }
  if (kind === "cycle") next(form, kept);
}

/** The number that comes after the last one known: offered, not filled in, since it is to be read from the machine. */
function next(form, kept) {
  const id = form.querySelector("[name=sterilizer_id]:checked")?.value;
  const place = form.querySelector("[data-next]");
  const machine = kept.facts?.sterilizers.find((one) => one.sterilizer_id === id);
  const mine = kept.entries.filter((one) => one.body.sterilizer_id === id && one.state !== "discarded").map((one) => one.body.cycle_number + 1);
  const number = Math.max(machine?.next_cycle_number ?? 0, ...mine);
  const words = number > 0 ? `The display shows ${number}` : "";
  if (place.textContent === words) return;
  place.replaceChildren(...(words ? [made("button", { type: "button", "data-set": "cycle_number", "data-value": number, text: words })] : []));
}

/** What the readings say at once; the server says it again and is right. */
export function judge(form, kept) {
  if (form.id !== "cycle") return;
  const code = form.querySelector("[name=program]:checked")?.value;
  const program = kept.facts?.programs.find((one) => one.code === code);
  const rows = samplesOf(form).map(([second, read]) => [Number(second), millidegrees(read)]).filter(([, read]) => read !== null);
  const place = form.querySelector("#judged");
  const wrong = [];
  if (program && rows.length > 1) {
    const outside = rows.find(([, read]) => read < program.from_mc || read > program.to_mc);
    const lasted = rows.at(-1)[0] - rows[0][0];
    if (outside) wrong.push(`${degrees(outside[1])} at second ${outside[0]} lies outside ${degrees(program.from_mc)} to ${degrees(program.to_mc)}`);
    if (lasted < program.exposure_seconds) wrong.push(`the exposure lasted ${lasted} s of ${program.exposure_seconds} s`);
  }
  place.className = wrong.length ? "why" : "hint";
  place.textContent = wrong.length ? `This cycle counts as failed: ${wrong.join("; ")}. Save it all the same.` : "";
}

/** Everything that a scanned code may name, with the forms that it can be chosen in. */
export function serials({ facts, rooms }) {
  const of = (id, name, title, kinds, words) => ({ id, name, title, kinds, words: [...words, short(id)].map((word) => word.toUpperCase()) });
  return [
    ...(facts?.sterilizers ?? []).map((one) => of(one.sterilizer_id, "sterilizer_id", one.serial, ["cycle"], [one.serial])),
    ...(facts?.handpieces ?? []).map((one) => of(one.subject_id, "handpiece_id", one.serial, ["reprocessing"], [one.serial])),
    ...offer.room_id({ facts, rooms }).map(([id, words]) => of(id, "room_id", words, ["turnover"], [])),
  ];
}

/** The last choices, for the next time. */
export function remember(fields, last) {
  for (const name of ["sterilizer_id", "program", "indicator_product", "bi_product", "product", "label_seconds", "contents"]) {
    const chosen = fields.get(name);
    if (chosen !== undefined) last[name] = chosen;
  }
}
