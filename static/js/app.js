// Everything works without these modules; they only make it quicker. None builds markup from strings.
import "./passkeys.js";
import "./dialogs.js";
import "./shortcuts.js";
import "./copying.js";
import "./submitting.js";
import "./network.js";
import "./focus.js";

// What only works with script shows itself from here on; base.css keeps its place until then.
document.documentElement.dataset.scripted = "";
