// Scans at the chair, one after the other and however fast they come. Each is asked without leaving the page: while a page gives way
// to the next, nobody hears the scanner, and half of what it reads would be lost.

import { listen } from "./wedge.js";

const field = () => document.querySelector("input[data-scan]");
const adding = () => field().parentElement.querySelector("[data-stay]");
const place = document.getElementById("scan-said");
const hear = (text, tone = "hint") => void Object.assign(place, { textContent: text, className: tone });
const AGAIN = "There was no answer. Scan it again.";
const MOST_MS = 20_000;

/**
 * Hear scans wherever the focus is, what is typed into the field, and the buttons that only change what is named (`data-stay`).
 * `shown(page, sent)`: the answer to what was sent is on the screen.
 */
export function takeScans(shown) {
  const waiting = [];
  let asking = false;
  let pressed = null; // a button that somebody pressed before the last answer came

  function take(text, button = adding()) {
    waiting.push({ text, name: button.name, value: button.value });
    if (!asking) askAll();
  }

  async function askAll() {
    asking = true;
    let taken = true;
    while (taken && waiting.length) taken = await ask(waiting.shift());
    asking = false;
    if (waiting.length) hear(`${place.textContent} What was scanned after it was not added either: scan it again.`.trim(), "why");
    waiting.length = 0;
    const next = pressed?.isConnected ? pressed : pressed && again(pressed);
    pressed = null;
    if (taken && next) next.form.requestSubmit(next);
    else if (next) document.querySelector(".problem")?.focus();
  }

  /** Whether it was taken. */
  async function ask({ text, name, value }) {
    const { form } = field();
    const sent = new URLSearchParams(new FormData(form)); // as it is now: after the answers before this one
    if (name) sent.append(name, value);
    if (text) sent.set("scan", text);
    else sent.delete("scan");
    const to = adding().getAttribute("formaction") ?? form.action;
    if (text) field().value = "";
    hear("Looking it up …");
    try {
      const looks = (adding().formMethod || form.method) === "get";
      const asked = { headers: { Accept: "text/html" }, signal: AbortSignal.timeout(MOST_MS) };
      const answer = await (looks ? fetch(`${to}?${sent}`, asked) : fetch(to, { ...asked, method: "POST", body: sent }));
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (answer.status === 401 || (answer.ok && !page.querySelector("input[data-scan]"))) {
        location.assign(looks ? `${to}?${sent}` : to.replace(/\/cartridge$/, "")); // signed out, or it has begun or ended elsewhere
        return false;
      }
      if (!page.querySelector("[data-anew]")) {
        const why = page.querySelector(".problem li")?.textContent.trim();
        hear(why ? `This was not taken. ${why}` : AGAIN, "why");
        return false;
      }
      put(page);
      hear(text && answer.ok ? "Added." : "");
      shown(page, sent);
      if (!answer.ok) document.querySelector(".problem")?.scrollIntoView({ block: "nearest" });
      return answer.ok;
    } catch {
      hear(AGAIN, "why");
      return false;
    }
  }

  listen(document, {
    scanned: take,
    refused() {
      hear("Scan again: a part of the code was lost.", "why");
      field().value = "";
      field().focus();
    },
  });

  document.addEventListener("submit", (event) => {
    const { submitter } = event;
    if (submitter?.matches("[data-stay]") && (submitter !== adding() || field().value.trim())) {
      event.preventDefault();
      take(submitter === adding() ? field().value : "", submitter);
    } else if (asking) {
      event.preventDefault();
      pressed = submitter;
    }
  });

  document.addEventListener("click", async ({ target }) => {
    if (!target.closest("#camera")) return;
    try {
      const { tapped } = await import("./scan.js");
      await tapped(document.getElementById("viewer"), hear, take);
    } catch {
      hear("The camera could not be opened. Use the scanner, or type the code.", "why");
    }
  });
}

// A button as it stands in the part that came anew.
function again(button) {
  const kept = ({ form, textContent }) => form.action.split("?")[0] + textContent;
  return [...document.querySelectorAll("form button")].find((other) => kept(other) === kept(button));
}

// Only the parts that a scan changes. What was typed elsewhere stays, and so does what was ticked while the answer was under way. The
// field itself stays, or the scan that begins just now would be cut.
function put(page) {
  const focused = document.activeElement;
  const wasIn = focused === document.body || Boolean(focused.closest("#named"));
  const ticked = new Map([...document.querySelectorAll("[data-anew] [type=checkbox]")].map((box) => [box.name + box.value, box.checked]));
  const opened = [...document.querySelectorAll("[data-anew] details[open]")].map((details) => details.id);
  for (const old of document.querySelectorAll("[data-anew]")) {
    old.replaceChildren(...(page.getElementById(old.id)?.childNodes ?? [])); // the part stays: the stream goes on putting news into it
  }
  for (const box of document.querySelectorAll("[data-anew] [type=checkbox]")) box.checked = ticked.get(box.name + box.value) ?? box.checked;
  for (const id of opened) document.getElementById(id)?.setAttribute("open", "");
  document.title = page.title;
  if (wasIn) field().focus();
}
