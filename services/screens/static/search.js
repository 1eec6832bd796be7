// Searches the record while somebody types. Without it the form goes to the same address by its button, and is answered the same.

const PAUSE = 400; // ms. Who types on is not asked for yet: each answer is a look, and the record keeps it.
const form = document.getElementById("search");
const said = document.getElementById("said");
let waiting = 0;
let asking = new AbortController();
let asked = address();

function address() {
  const given = [...new FormData(form)].map(([name, value]) => [name, value.trim()]).filter(([, value]) => value);
  const query = new URLSearchParams(given).toString();
  return location.pathname + (query && `?${query}`);
}

async function search() {
  clearTimeout(waiting);
  const wanted = address();
  if (wanted === asked) return;
  asked = wanted;
  asking.abort(); // whoever asks for something else does not wait for the former answer
  asking = new AbortController();
  const { signal } = asking;
  try {
    const answer = await fetch(wanted, { signal, headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!page.getElementById("search")) return location.assign(wanted); // signed out, or may no more: that page says so
    show(page);
    history.replaceState(null, "", wanted);
  } catch (failed) {
    if (failed.name === "AbortError") return;
    asked = "";
    said.textContent = "There is no answer. What is listed belongs to another question: press Search to ask again.";
  }
}

function show(page) {
  page.querySelector(".problem")?.removeAttribute("autofocus"); // whoever types goes on typing
  for (const part of document.querySelectorAll("[data-answer]")) part.replaceWith(page.getElementById(part.id));
  said.textContent = page.getElementById("said").textContent;
  document.title = page.title;
}

form.addEventListener("input", ({ target }) => {
  clearTimeout(waiting);
  if (form.checkValidity()) waiting = setTimeout(search, target.matches("select, [type=checkbox]") ? 0 : PAUSE);
});
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  asked = "";
  await search();
  if (document.activeElement === form.about) form.about.select(); // the next label is scanned over this one
  document.querySelector(".problem")?.focus();
});
