// The forms as reports: what the fields say in the shapes of the service's routes, and what is missing, all at once.

const CODE = /^[a-z0-9][a-z0-9_.-]{0,63}$/;

/** A word that somebody typed, as a code. */
export const asCode = (text) => text.trim().toLowerCase().replace(/\s+/g, "_");

/** A code as people say it. */
export const plain = (code) => (code.charAt(0).toUpperCase() + code.slice(1)).replace(/_/g, " ");

/** Places have no names: the beginning of their ids is on their labels. */
export const short = (id) => id.replace(/-/g, "").slice(0, 4).toUpperCase();

/** Ids that a tablet makes begin with the time: what tells them apart stands at their end, as on their labels. */
export const tail = (id) => id.slice(-8).toUpperCase();

/** Takes the fields of one form, and remembers what is wrong with them. */
class Reader {
  problems = [];

  constructor(form) {
    this.form = form;
  }

  wrong(field, reason) {
    this.problems.push({ field, reason });
    return null;
  }

  text(name) {
    const found = [...this.form.querySelectorAll(`[name="${name}"]`)].find((one) => !["radio", "checkbox"].includes(one.type) || one.checked);
    return found?.value.trim() ?? "";
  }

  all(name) {
    return [...this.form.querySelectorAll(`[name="${name}"]:checked`)].map((one) => one.value);
  }

  must(name, reason) {
    return this.text(name) || this.wrong(name, reason);
  }

  whole(name, reason, { optional = false, from = 0 } = {}) {
    const text = this.text(name);
    if (!text && optional) return null;
    return /^\d{1,9}$/.test(text) && Number(text) >= from ? Number(text) : this.wrong(name, reason);
  }

  code(name, reason, field = name) {
    const code = asCode(this.text(name));
    return CODE.test(code) ? code : this.wrong(field, reason);
  }

  at(name, reason) {
    const found = new Date(this.text(name));
    return Number.isNaN(found.getTime()) ? this.wrong(name, reason) : found.toISOString();
  }
}

const given = (body) => Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null && value !== ""));

/** Degrees as they are read, as thousandths; null for what is no number. */
export function millidegrees(text) {
  const found = /^(-?\d{1,3})(?:[.,](\d{1,3}))?$/.exec(text.trim());
  return found ? Number(found[1]) * 1000 + Math.sign(Number(found[1]) || 1) * Number((found[2] ?? "").padEnd(3, "0")) : null;
}

/** The rows of readings that somebody filled in. */
export function samplesOf(form) {
  return [...form.querySelectorAll("#samples li")].map((row) => [...row.querySelectorAll("input")].map((input) => input.value.trim()))
    .filter(([second, degrees]) => second || degrees);
}

function samples(reader) {
  const rows = samplesOf(reader.form).map(([second, degrees]) => ({ second: Number(second), temperature_mc: millidegrees(degrees) }));
  const typed = samplesOf(reader.form);
  if (rows.length < 2) return reader.wrong("samples", "Enter at least the first and the last reading of the exposure.");
  if (typed.some(([second]) => !/^\d{1,5}$/.test(second)) || rows.some((row) => row.temperature_mc === null)) {
    return reader.wrong("samples", "Each reading needs its second and its temperature, for example 180 and 134.6.");
  }
  if (rows.some((row, at) => at && row.second <= rows[at - 1].second)) return reader.wrong("samples", "Enter the readings in order, each second once.");
  return rows;
}

function cycle(reader, kept) {
  const sterilizer = reader.must("sterilizer_id", "Choose the sterilizer.");
  const number = reader.whole("cycle_number", "Enter the cycle number from the display.", { from: 1 });
  const program = reader.must("program", "Choose the program that ran.");
  const [started, ended] = [reader.at("started_at", "Enter when the cycle started."), reader.at("ended_at", "Enter when the cycle ended.")];
  if (started && ended && ended <= started) reader.wrong("ended_at", "The cycle must end after it started.");
  const rows = samples(reader);
  const external = reader.must("external_indicator", "Say whether the chemical indicator outside changed.");
  const internal = reader.must("internal_indicator", "Say whether the chemical indicator inside changed.");
  const product = reader.text("indicator_product");
  const lot = reader.text("indicator_lot");
  if (product && !lot) reader.wrong("indicator_lot", "Enter the lot of the biological indicator.");
  const purpose = reader.text("purpose");
  if (purpose !== "load" && kept.packs.length) reader.wrong("packs", "A test or qualification runs without packs. Remove them.");
  if (purpose === "load" && !kept.packs.length) reader.wrong("packs", "Scan or add the packs of the load.");
  const machine = kept.facts?.sterilizers.find((one) => one.sterilizer_id === sterilizer);
  return {
    title: `${machine?.serial ?? "Sterilizer"} · cycle ${number ?? ""}`,
    body: {
      sterilizer_id: sterilizer, cycle_number: number, program, purpose, started_at: started, ended_at: ended, samples: rows,
      external_indicator: external, internal_indicator: internal, packs: kept.packs,
      ...(product && { indicator: { product, lot } }),
    },
  };
}

function disinfected(reader) {
  return given({
    product: reader.code("product", "Enter the disinfectant."),
    wet_seconds: reader.whole("wet_seconds", "Enter how many seconds the surface stayed wet."),
    label_seconds: reader.whole("label_seconds", "Enter the label's seconds as a number, or leave it empty.", { optional: true }),
  });
}

function turnover(reader) {
  const room = reader.must("room_id", "Choose the room, or scan its label.");
  return { title: `Room ${room ? short(room) : ""} turned over`, body: { room_id: room, steps: reader.all("steps"), ...disinfected(reader) } };
}

function reprocessing(reader, kept) {
  const piece = reader.must("handpiece_id", "Choose the handpiece, or scan it.");
  const seen = reader.must("ingress_seen", "Say whether fluid or blood was inside.");
  const serial = kept.facts?.handpieces.find((one) => one.subject_id === piece)?.serial ?? "";
  return { title: `Handpiece ${serial} reprocessed`, body: { handpiece_id: piece, ingress_seen: seen === "yes", ...disinfected(reader) } };
}

function indicator(reader, kept) {
  const id = reader.must("cycle_id", "Choose the load that the indicator was in.");
  const grew = reader.must("grew", "Say whether the indicator grew.");
  const control = reader.must("control_grew", "Say whether the control grew.");
  const known = kept.cycles.find((one) => one.cycle_id === id);
  return {
    title: `Indicator of ${known?.title ?? "a load"}`,
    body: given({
      cycle_id: id,
      product: reader.must("bi_product", "Choose the product."),
      lot: reader.must("lot", "Enter the lot of the indicator."),
      control_lot: reader.must("control_lot", "Enter the lot of the control."),
      incubation_started_at: reader.at("incubation_started_at", "Enter when the incubation began."),
      grew: grew === "yes",
      control_grew: control === "yes",
    }),
  };
}

function lot(reader, kept) {
  const quantity = reader.whole("quantity", "Enter how many cartridges are in the box.", { from: 1 });
  const scan = reader.text("scan");
  const gtin = reader.text("gtin");
  if (!scan && !gtin) {
    reader.wrong("scan", "Scan the code on the box, or type its label.");
    return { title: "Delivery", body: {} };
  }
  if (scan) return { title: `Delivery of lot ${kept.box?.lot ?? ""}`, body: given({ scan, printed_lot: reader.text("printed_lot"), quantity }) };
  const manual = given({
    gtin: /^\d{8,14}$/.test(gtin) ? gtin : reader.wrong("gtin", "Enter the product number: 8 to 14 digits."),
    lot: reader.must("manual_lot", "Enter the lot."),
    expires_on: reader.must("expires_on", "Enter the day on which it expires."),
    serial: reader.text("serial"),
    checked_by: reader.text("checked_by"),
  });
  return { title: `Delivery of lot ${manual.lot ?? ""}`, body: { manual, quantity } };
}

/** What each form is sent as. */
export const KINDS = {
  cycle: { path: "cycles", build: cycle },
  turnover: { path: "turnovers", build: turnover },
  reprocessing: { path: "reprocessings", build: reprocessing },
  indicator: { path: "indicators", build: indicator },
  lot: { path: "lots", build: lot },
};

/** `{title, body, problems}` of a form. */
export function report(kind, form, kept) {
  const reader = new Reader(form);
  const found = KINDS[kind].build(reader, kept);
  return { ...found, problems: reader.problems };
}

/** Everything that a form says, to put it back for a correction. */
export function snapshot(form) {
  return [...form.querySelectorAll("input[name], select[name]")]
    .filter((one) => (["radio", "checkbox"].includes(one.type) ? one.checked : one.value))
    .map((one) => [one.name, one.value]);
}

export function restore(form, values) {
  form.reset();
  for (const field of form.querySelectorAll("input")) {
    if (values.length) field.dataset.offered = "1"; // what was left empty stays empty
    else delete field.dataset.offered;
  }
  for (const hidden of form.querySelectorAll("input[type=hidden]")) hidden.value = "";
  for (const [name, value] of values) {
    const fields = [...form.querySelectorAll(`[name="${name}"]`)];
    const chosen = fields.find((one) => ["radio", "checkbox"].includes(one.type) && one.value === value);
    if (chosen) chosen.checked = true;
    else if (fields.length && !["radio", "checkbox"].includes(fields[0].type)) fields[0].value = value;
  }
}

/** The form's field that a finding of the server is about. */
export function fieldOf(finding) {
  const [first, second] = (finding.field ?? "").replace(/^body\./, "").split(".");
  if (first === "manual") return second === "lot" ? "manual_lot" : second;
  if (first === "indicator") return second === "lot" ? "indicator_lot" : "indicator_product";
  return first;
}
