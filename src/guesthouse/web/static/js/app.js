// What every page loads.
import htmx from "htmx.org/dist/htmx.esm.js";

window.htmx = htmx;
// The extensions take htmx from the window, so they come after it.
require("htmx-ext-sse");
// Changes what differs and leaves the rest, so that the keyboard's place on a live page stays.
require("idiomorph/dist/idiomorph-ext.js");
require("./theme.js");
require("./times.js");
require("./copy.js");
require("./confirm.js");
require("./toast.js");
require("./live.js");
require("./menu.js");
