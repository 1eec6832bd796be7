// A page that looks something up: a scan goes into its field and is looked up, wherever the focus is. Without it the field is typed into.

import { listen } from "./wedge.js";

const field = document.getElementById("code");

listen(document, {
  scanned: (text) => {
    field.value = text;
    field.form.requestSubmit();
  },
  refused: () => {
    document.getElementById("scan-said").textContent = "Scan again. The scanner did not say where the code begins: set it to send the AIM identifier.";
  },
});
