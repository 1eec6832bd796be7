// The button behind each id that is worth copying. Without it a click on the id selects all of it.

for (const button of navigator.clipboard ? document.querySelectorAll(".copy") : []) {
  const { textContent: id } = button.previousElementSibling;
  button.classList.add("ready");
  button.setAttribute("aria-label", `Copy ${id}`);
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(id);
    button.textContent = "Copied";
    button.setAttribute("aria-label", `Copied ${id}`);
  });
}
