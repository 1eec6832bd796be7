// Scanning: what a code says decides which form it belongs to.

import { serials } from "./offers.js";
import { asCode, plain } from "./reports.js";

const $ = (id) => document.getElementById(id);
const contentsField = () => document.querySelector('#cycle [name="contents"]');

export const said = (text, tone = "hint") => void Object.assign($("scanned"), { textContent: text, className: tone });

/** `page` is the page's state and what turns to a form, sets the packs and the box. */
export function taking(page) {
  const { kept } = page;

  function to(kind) {
    history.replaceState(null, "", `#${kind}`);
    page.turnTo(kind);
  }

  async function take(text) {
    const bare = text.trim().replace(/^\][A-Za-z][0-9A-Za-z]/, "");
    if (/^ASEPSIS\x1d?TEST$/.test(bare)) return tested(text);
    const known = serials(kept).find((one) => one.id === bare.toLowerCase().replace("urn:uuid:", "") || one.words.includes(bare.toUpperCase()));
    if (known) return choose(known);
    const gs1 = await import("./gs1.js").catch(() => null);
    if (!gs1) return said("Not taken: this tablet cannot read codes yet. Connect it and open this page again, or type the label.", "why");
    try {
      const found = gs1.read(text);
      if (found.id) return pack(found.id);
      if (page.kind() !== "lot") to("lot");
      page.setBox(text);
      return said(`Box of lot ${found.lot} scanned. Say how many are in it.`);
    } catch (wrong) {
      if (!(wrong instanceof gs1.Unreadable)) throw wrong;
      if (page.kind() === "lot" && wrong.field === "scan" && /separator/.test(wrong.message)) page.setBox(text);
      return said(`Not taken: ${wrong.message}.`, "why");
    }
  }

  /** The code of the set-up sheet: it says whether the scanner sends what it must. */
  function tested(text) {
    if (!text.includes("\x1d")) return said("The scanner drops separators: set it to send GS (ASCII 29).", "why");
    return said(text.startsWith("]") ? "The scanner is set up well." : "The code was read, but without its identifier: set the scanner to send it.", text.startsWith("]") ? "hint" : "why");
  }

  function choose(known) {
    const wanted = known.kinds.includes(page.kind()) ? page.kind() : known.kinds[0];
    if (wanted !== page.kind()) to(wanted);
    const found = page.form().querySelector(`[name="${known.name}"][value="${known.id}"]`);
    found?.click();
    said(`${known.title} chosen.`);
  }

  function pack(id) {
    if (page.kind() !== "cycle") return said("Not taken: this is no room or handpiece that is known here.", "why");
    if (kept.packs.some((one) => one.pack_id === id)) return said("This pack is in the load already.");
    return addPack(id);
  }

  function addPack(id) {
    const contents = asCode(contentsField().value || kept.last.contents || "");
    if (!/^[a-z0-9][a-z0-9_.-]*$/.test(contents)) {
      contentsField().focus();
      return said("Say first what is inside the pack, then scan it again.", "why");
    }
    page.setPacks([...kept.packs, { pack_id: id, contents }]);
    return said(`${plain(contents)} added: ${kept.packs.length} in the load.`);
  }

  const camera = () => import("./scan.js").then(({ tapped }) => tapped($("viewer"), said, take))
    .catch(() => said("The camera could not be opened. Use the scanner, or type the code.", "why"));

  return { take, addPack, camera };
}
