// The part "This tablet": what it is called, what it keeps and how well.

import { made } from "./entries.js";
import { uuid7 } from "./outbox.js";
import { tail } from "./reports.js";

const $ = (id) => document.getElementById(id);

/** The unsent entries as a file, for whoever has to type them in elsewhere. */
export function exported(open) {
  const file = new Blob([JSON.stringify(open, null, 1)], { type: "application/json" });
  const link = made("a", { href: URL.createObjectURL(file), download: `asepsis-unsent-${new Date().toISOString().slice(0, 10)}.json` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Its name, what the browser promises, and whether it opens without the network. Raises where it will not. */
export async function keeps(outbox, clinic) {
  const device = (await outbox.kept("device")) ?? `tablet-${tail(uuid7()).slice(-4)}`;
  await outbox.keep("device", device);
  $("device").textContent = device;
  const persisted = await navigator.storage?.persist?.();
  $("persisted").textContent = persisted ? "Yes, until somebody deletes it" : "Not promised: send entries soon, and use the home screen";
  if (!navigator.serviceWorker) return void ($("shell").textContent = "Not possible: the address must begin with https");
  const base = `/clinics/${clinic}/tablet`;
  await navigator.serviceWorker.register(`${base}/sw.js`, { scope: base, updateViaCache: "none" });
  await navigator.serviceWorker.ready;
  $("shell").textContent = "Ready: this page opens without the network";
}
