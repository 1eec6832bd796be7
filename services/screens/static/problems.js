// What is wrong with a form: all of it above, with the same words beside each field.

import { made } from "./entries.js";
import { fieldOf } from "./reports.js";

const $ = (id) => document.getElementById(id);

export function clear() {
  $("problem").hidden = true;
  document.title = document.title.replace(/^Error: /, "");
  for (const found of document.querySelectorAll("[data-problem]")) found.remove();
  for (const found of document.querySelectorAll("[aria-invalid]")) found.removeAttribute("aria-invalid");
}

/** Somebody sees to one of them: it is not said any more. The next Save looks again. */
export function seenTo(place) {
  if (!place?.querySelector("[data-problem]")) return;
  for (const found of place.querySelectorAll("[data-problem]")) found.remove();
  for (const found of place.querySelectorAll("[aria-invalid]")) found.removeAttribute("aria-invalid");
  for (const link of $("problem").querySelectorAll("[data-to]")) if (place.contains($(link.dataset.to))) link.closest("li").remove();
  if (!$("problem").querySelector("li")) clear();
}

/** Show them and take the focus there. */
export function tell(form, title, problems) {
  clear();
  document.title = `Error: ${document.title}`;
  $("problem-title").lastElementChild.textContent = title;
  $("problem").querySelector("ul").replaceChildren(...problems.map((problem) => {
    const name = fieldOf(problem);
    const place = form.querySelector(`[data-field="${name}"], [data-field="bi_${name}"]`);
    const control = place?.querySelector("input:not([type=hidden]), button") ?? null;
    if (!control) return made("li", { text: problem.reason });
    control.id ||= `field-${name}`;
    control.setAttribute("aria-invalid", "true");
    const why = made("p", { class: "why", "data-problem": name, text: problem.reason });
    const legend = place.querySelector("legend");
    if (legend) legend.after(why);
    else place.prepend(why);
    return made("li", {}, made("a", { href: `#${control.id}`, "data-to": control.id, text: problem.reason }));
  }));
  $("problem").hidden = false;
  $("problem").focus();
}
