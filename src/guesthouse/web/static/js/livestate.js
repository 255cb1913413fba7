// Says whether what is shown is live: "live", "paused", "complete" or "stale since …".
import { clock } from "./format.js";

const WORDS = { live: "live", paused: "paused", complete: "complete" };

export function show(place, state) {
  for (const element of place.querySelectorAll("[data-live]")) {
    if (element.dataset.state === state) continue;
    element.dataset.state = state;
    element.querySelector("[data-live-text]").textContent = WORDS[state] ?? `stale since ${clock(new Date())}`;
  }
}
