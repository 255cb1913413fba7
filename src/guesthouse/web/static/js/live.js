// Parts that ask for themselves anew when the server says that something changed.
import { show } from "./livestate.js";

const states = new WeakMap(); // by the element that listens

function source(element) {
  return element.closest("[sse-connect]");
}

function set(element, state) {
  if (!element) return;
  states.set(element, state);
  show(element, state);
}

document.addEventListener("htmx:sseOpen", (event) => set(source(event.target), "live"));
document.addEventListener("htmx:sseError", (event) => set(source(event.target), "stale"));
document.addEventListener("htmx:sseClose", (event) => set(source(event.target), "stale"));

// A form that somebody fills in is not taken from under their hands; it catches up afterwards.
document.addEventListener("htmx:beforeSwap", (event) => {
  const target = event.detail.target;
  if (!source(target)) return;
  if (target.querySelector("details[open]")) {
    event.detail.shouldSwap = false;
    target.dataset.behind = "";
    show(source(target), "paused");
  }
});
document.addEventListener(
  "toggle",
  (event) => {
    const part = event.target.closest("[data-behind]");
    if (!part || part.querySelector("details[open]")) return;
    delete part.dataset.behind;
    htmx.ajax("GET", part.getAttribute("hx-get"), {
      source: part, target: part, swap: "morph", select: part.getAttribute("hx-select"),
    });
  },
  true,
);
document.addEventListener("htmx:afterSettle", () => {
  for (const element of document.querySelectorAll("[sse-connect]")) {
    if (states.has(element)) show(element, states.get(element));
  }
});
