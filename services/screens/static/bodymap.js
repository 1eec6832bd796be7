// The body map: a touch on the picture marks the box beneath it. Without it the boxes do alone.

for (const picture of document.querySelectorAll(".pictures svg")) {
  picture.addEventListener("click", (event) => {
    const area = event.target.closest("[data-area]")?.dataset.area;
    const box = area && document.getElementById(`area-${area}`);
    if (!box) return;
    box.checked = !box.checked;
    box.dispatchEvent(new Event("change", { bubbles: true }));
  });
}
