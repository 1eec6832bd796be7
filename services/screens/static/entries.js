// The list of entries: each says where it is, and what can be done with it.

const LOOKS = {
  waiting: ["amber", "clock", "Waiting on this tablet"],
  sent: ["green", "check", "Sent"],
  fix: ["red", "stop", "Needs correction"],
  signin: ["amber", "key", "Sign in to send"],
  other: ["amber", "key", "Saved under another sign-in"],
  discarded: ["gray", "square", "Discarded"],
};

function made(name, { text, ...more } = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(more)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  element.append(...children);
  return element;
}

function badge([tone, icon, word]) {
  const shape = document.getElementById("icons").content.querySelector(`[data-icon="${icon}"] svg`).cloneNode(true);
  return made("span", { class: `badge ${tone}` }, shape, word);
}

export const clock = (at) => new Date(at).toLocaleString([], { weekday: "short", hour: "2-digit", minute: "2-digit" });

function notes(entry) {
  if (entry.state === "sent") {
    const found = (entry.findings ?? []).filter((one) => one.verdict !== "met").map((one) => one.reason);
    return entry.mechanical === "failed" ? ["The cycle failed: pack the load and sterilize it again.", ...found] : found;
  }
  if (entry.state === "other") return ["Whoever saved it signs in to send it, or you send it under your own sign-in."];
  return ["fix", "signin"].includes(entry.state) ? (entry.problems ?? []).map((one) => one.reason) : [];
}

function acts(entry, clinic) {
  const button = (act, words) => made("button", { type: "button", "data-act": act, "data-id": entry.id, "aria-label": `${words}: ${entry.title}`, text: words });
  const link = (to, words) => made("a", { class: "button", href: `/clinics/${clinic}/${to}`, text: words, "aria-label": `${words}: ${entry.title}` });
  if (entry.state === "fix") return [button("correct", "Correct"), button("discard", "Discard")];
  if (entry.state === "other") return [button("mine", "Send under my sign-in")];
  if (entry.state === "signin") return [link(`sign-in?next=/clinics/${clinic}/tablet`, "Sign in")];
  if (entry.state === "sent" && entry.kind === "cycle" && entry.mechanical !== "failed" && entry.body.packs?.length) return [link(`hygiene/cycles/${entry.id}/labels`, "Print labels")];
  if (entry.state === "sent" && entry.kind === "lot") return [link(`hygiene/lots/${entry.id}/labels`, "Labels")];
  return [];
}

function card(entry, clinic) {
  const bad = entry.mechanical === "failed" ? "the cycle failed" : entry.stands && "fluid inside";
  const look = bad ? ["red", "stop", `Sent: ${bad}`] : LOOKS[entry.state];
  const line = made("p", { class: "line" }, made("strong", { text: entry.title }), badge(look));
  const when = made("p", { class: "hint", text: `Entered ${clock(entry.madeAt)}${entry.correction ? `, corrected ${entry.correction}×` : ""}` });
  const said = made("ul", {}, ...notes(entry).map((text) => made("li", { text })));
  const doing = acts(entry, clinic);
  return made("li", { class: `card ${look[0]}`, "data-entry": entry.id, "data-state": entry.state }, line, when,
    ...(said.children.length ? [said] : []), ...(doing.length ? [made("div", { class: "acts" }, ...doing)] : []));
}

/** Each card as it was made: a button that was tapped once and asks again is no change of the entry. */
const drawn = new WeakMap();

/** The open ones first, then the newest. A card that did not change stays the same node, with its focus. */
export function show(list, entries, clinic, open) {
  const order = [...entries].sort((one, other) => open.has(other.state) - open.has(one.state) || (one.id < other.id ? 1 : -1));
  const known = new Map([...list.children].map((node) => [node.dataset.entry, node]));
  const cards = order.map((entry) => {
    const next = card(entry, clinic);
    const now = known.get(entry.id);
    drawn.set(next, next.outerHTML);
    return now && drawn.get(now) === next.outerHTML ? now : next;
  });
  if (!cards.length) cards.push(made("li", { class: "hint", text: "None yet." }));
  if (cards.length !== list.children.length || cards.some((node, at) => node !== list.children[at])) {
    const focused = list.contains(document.activeElement) ? document.activeElement.closest("[data-entry]")?.dataset.entry : null;
    list.replaceChildren(...cards);
    if (focused) list.querySelector(`[data-entry="${focused}"] button, [data-entry="${focused}"] a`)?.focus();
  }
}

export { made };
