// Says whether what is shown is live: "live", "paused" or "stale since …".
const CLOCK = { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false };

export function show(place, state) {
  for (const element of place.querySelectorAll("[data-live]")) {
    if (element.dataset.state === state) continue;
    element.dataset.state = state;
    const words = { live: "live", paused: "paused", ended: "complete" };
    const since = new Date().toLocaleTimeString("en-GB", CLOCK);
    element.querySelector("[data-live-text]").textContent = words[state] ?? `stale since ${since}`;
  }
}

document.addEventListener("htmx:sseOpen", (event) => show(event.target, "live"));
document.addEventListener("htmx:sseError", (event) => show(event.target, "stale"));
document.addEventListener("htmx:sseClose", (event) => show(event.target, "stale"));
