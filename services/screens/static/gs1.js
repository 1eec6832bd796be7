// What a scanned code says, at once and without the network. The server reads it again with its own parser, and that one decides;
// tests hold both to the same list of codes.

const GS = "\x1d";
const GS1_CODES = new Set(["d2", "C1", "Q3", "e0", "J1"]);

// Application identifiers of two digits whose content has a fixed length, and so needs no separator behind it.
const FIXED = { "00": 18, "01": 14, "02": 14, "11": 6, "12": 6, "13": 6, "15": 6, "16": 6, "17": 6, "20": 2 };
// Those of any length, up to so many signs; by their first digits.
const VARIABLE = [
  [/^(10|21|22)/, 2, 20], [/^30/, 2, 8], [/^37/, 2, 8], [/^9\d/, 2, 90], [/^24[01]/, 3, 30], [/^25[01]/, 3, 30], [/^400/, 3, 30],
  [/^710|^711|^712|^713|^714|^715/, 3, 20],
];
const SIGNS = /^[!-"%-?A-Z_a-z]+$/;
const UNIT = /^urn:uuid:([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$/i;

export class Unreadable extends Error {
  constructor(field, reason) {
    super(reason);
    this.field = field;
  }
}

/** A code of our own labels (`{id}`), or what is printed on a box (`{gtin, lot, expires_on, serial}`). Throws Unreadable. */
export function read(scan) {
  const own = UNIT.exec(scan.trim().replace(/^\][A-Za-z][0-9A-Za-z]/, ""));
  return own ? { id: own[1].toLowerCase() } : readLabel(scan);
}

export function readLabel(scan, printedLot = null) {
  const content = withoutFrame(scan.replace(/^[ \r\n]+|[ \r\n]+$/g, ""));
  const found = new Map();
  for (const [ai, value] of elements(content)) {
    if (!found.has(ai)) found.set(ai, new Set());
    found.get(ai).add(value);
  }
  const lot = one(found, "10", "lot");
  if (printedLot === null && !content.includes(GS) && /^.{3,}21.{3,}$/.test(lot ?? "")) {
    throw new Unreadable("scan", "the scanner may have dropped a separator; scan again, or add the lot as it is printed");
  }
  if (printedLot !== null && lot !== printedLot) throw new Unreadable("printed_lot", "the scanned lot is not the printed one; scan again");
  const gtin = one(found, "01", "gtin");
  const expires = one(found, "17", "expires_on");
  const serial = one(found, "21", "serial");
  if (gtin === null) throw new Unreadable("gtin", "the label has no product number, AI (01)");
  if (expires === null) throw new Unreadable("expires_on", "the label has no expiry date, AI (17)");
  if (lot === null) throw new Unreadable("lot", "the label has no lot, AI (10)");
  if (!checks(gtin)) throw new Unreadable("gtin", "the product number's check digit is wrong");
  return { gtin, lot, expires_on: day(expires), serial };
}

function withoutFrame(content) {
  const frame = /^\]([A-Za-z][0-9A-Za-z])/.exec(content);
  if (frame && !GS1_CODES.has(frame[1])) throw new Unreadable("scan", "this is not a GS1 code");
  return content.slice(frame ? 3 : 0).replace(/^\x1d+/, "");
}

function* elements(content) {
  let rest = content;
  while (rest) {
    const ai = rest.slice(0, 2);
    let head = 2, value;
    if (FIXED[ai]) {
      value = rest.slice(2, 2 + FIXED[ai]);
      if (!/^\d+$/.test(value) || value.length !== FIXED[ai]) throw unknown();
      if (/^1[1-7]$/.test(ai)) day(value);
    } else {
      const rule = VARIABLE.find(([start]) => start.test(rest));
      if (!rule) throw unknown();
      head = rule[1];
      value = rest.slice(head).split(GS, 1)[0];
      if (!value || value.length > rule[2] || !SIGNS.test(value) || (/^3[07]/.test(ai) && !/^\d+$/.test(value))) throw unknown();
    }
    yield [rest.slice(0, head), value];
    rest = rest.slice(head + value.length).replace(/^\x1d/, "");
  }
}

const unknown = () => new Unreadable("scan", "this is not a GS1 element string; scan again or type the label");

function one(found, ai, field) {
  const values = [...(found.get(ai) ?? [])];
  if (values.length > 1) throw new Unreadable(field, "the code says two different things");
  return values[0] ?? null;
}

/** Whether a product number's last digit is the one that the others ask for. */
export function checks(gtin) {
  const digits = [...gtin.padStart(14, "0")].map(Number);
  return digits.reduce((sum, digit, at) => sum + digit * (at % 2 ? 1 : 3), 0) % 10 === 0;
}

/** YYMMDD as a date; day 00 is the last of the month. The century is the one that lies nearest. */
function day(told) {
  const [year, month, date] = [told.slice(0, 2), told.slice(2, 4), told.slice(4)].map(Number);
  const now = new Date().getFullYear();
  const gap = year - (now % 100);
  const whole = now - (now % 100) + year + (gap >= 51 ? -100 : gap <= -50 ? 100 : 0);
  const last = new Date(Date.UTC(whole, month, 0)).getUTCDate();
  if (month < 1 || month > 12 || date > last) throw unknown();
  return `${whole}-${String(month).padStart(2, "0")}-${String(date || last).padStart(2, "0")}`;
}
