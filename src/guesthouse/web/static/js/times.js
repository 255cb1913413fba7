// Relative times grow old while a page is open.
import { ago } from "./format.js";

const EVERY_MS = 15_000;

function refresh() {
  const now = Date.now();
  for (const element of document.querySelectorAll("time[data-ago]")) {
    const text = ago(new Date(element.dateTime), now);
    if (element.textContent !== text) element.textContent = text;
  }
}

setInterval(refresh, EVERY_MS);
