// What every page loads.
import htmx from "htmx.org/dist/htmx.esm.js";

window.htmx = htmx;
// The extension takes htmx from the window, so it comes after it.
require("htmx-ext-sse");
require("./theme.js");
require("./times.js");
require("./copy.js");
require("./confirm.js");
require("./toast.js");
require("./live.js");
require("./menu.js");
