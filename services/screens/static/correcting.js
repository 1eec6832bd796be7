// An entry that was refused is corrected or discarded. Loaded at the first tap on one: until an answer came there is none.

import { putBack } from "./forms.js";
import { tell } from "./problems.js";
import { said } from "./taking.js";

const $ = (id) => document.getElementById(id);

/** In the form of its kind. What is half typed there, also for another correction, is kept, and comes back. */
export function correct(page, entry) {
  if (page.correcting) page.finish();
  const half = page.drafts.of(entry.kind);
  Object.assign(page, { kind: entry.kind, correcting: entry });
  page.places[entry.kind] = entry.id;
  if (location.hash !== `#${entry.kind}`) history.replaceState(null, "", `#${entry.kind}`);
  page.turnTo(entry.kind);
  putBack(entry.kind, page.drafts.of(entry.id) ?? entry.values);
  tell($(entry.kind), "Correct this, then save it again", entry.problems);
  if (half) said("What you had typed here comes back after this.", "why");
}

export async function discard(page, id) {
  if (!(await page.outbox.change(id, (one) => one.state === "fix", { state: "discarded" }))) return;
  page.drafts.drop(id);
  if (page.correcting?.id !== id) return;
  page.finish();
  page.turnTo(page.kind);
}

/** The entry went on meanwhile; what was typed stays. */
export function late(page, was, name, values) {
  if (page.correcting === was) page.correcting = null;
  if (!page.drafts.of(name)) delete page.places[name];
  page.turnTo(name);
  putBack(name, values);
  page.note();
  tell($(name), "This is NOT saved", [{ reason: `“${was.title}” was corrected or discarded meanwhile. Save this only as another entry.` }]);
}
