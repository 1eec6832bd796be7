// A button beside each id that is worth copying. Without it a click on the id selects all of it.

for (const found of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) break;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "quiet";
  button.textContent = "Copy";
  button.setAttribute("aria-label", `Copy ${found.textContent}`);
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(found.textContent);
    button.textContent = "Copied";
    button.setAttribute("aria-label", `Copied ${found.textContent}`);
  });
  found.after(button);
}
