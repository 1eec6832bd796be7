// The pad of digits on a shared tablet. Without it the PIN is typed, and sent with the button.

const form = document.getElementById("pin-form");
const field = document.getElementById("pin");
const pad = document.getElementById("pad");
let sent = false;

pad.hidden = false;
if (matchMedia("(pointer: coarse)").matches) field.inputMode = "none"; // the pad is there: no second keyboard over it

function changed() {
  if (field.value.length === 6 && form.checkValidity() && !sent) {
    sent = true;
    form.requestSubmit();
  }
}

pad.addEventListener("click", (event) => {
  const key = event.target.closest("button");
  if (!key) return;
  if ("clear" in key.dataset) field.value = "";
  else if ("back" in key.dataset) field.value = field.value.slice(0, -1);
  else if (field.value.length < 6) field.value += key.dataset.digit;
  changed();
});
field.addEventListener("input", changed);
addEventListener("pageshow", () => { field.value = ""; sent = false; });
