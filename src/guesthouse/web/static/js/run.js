// The page of a run: its log, and its steps as they go on.
import { duration } from "./format.js";
import { show } from "./livestate.js";
import { LogSource } from "./logsource.js";
import { LogView } from "./logview.js";
import { pieces } from "./logtext.js";

const root = document.querySelector("[data-log]");
const part = (name) => root.querySelector(`[data-log-${name}]`);
const view = new LogView(part("view"));
const target = Number(/^#L(\d+)$/.exec(location.hash)?.[1] ?? 0);
let query = "";
let matches = [];
let place = -1;

function count(number) {
  return `${number.toLocaleString("en-GB")} ${number === 1 ? "line" : "lines"}`;
}

// Buttons that are on or off -----------------------------------------------------------------

function press(name, on) {
  part(name).setAttribute("aria-pressed", String(on));
}
function isPressed(name) {
  return part(name).getAttribute("aria-pressed") === "true";
}
function follow(on) {
  view.follows = on;
  press("follow", on);
  if (on) view.toEnd();
}
function remember(name, on) {
  localStorage.setItem(`guesthouse-log-${name}`, on ? "on" : "off");
}
function recall(name, fallback) {
  const kept = localStorage.getItem(`guesthouse-log-${name}`);
  return kept === null ? fallback : kept === "on";
}
for (const [name, fallback] of [["wrap", true], ["times", false]]) {
  const on = recall(name, fallback);
  press(name, on);
  root.classList.toggle(`log--${name}`, on);
  part(name).addEventListener("click", () => {
    const next = !isPressed(name);
    press(name, next);
    root.classList.toggle(`log--${name}`, next);
    remember(name, next);
    view.reflow();
  });
}
part("follow").addEventListener("click", () => follow(!isPressed("follow")));
// Who scrolls up reads; who scrolls back to the end follows again.
let scrolled = 0;
part("view").addEventListener("wheel", (event) => event.deltaY < 0 && follow(false), { passive: true });
part("view").addEventListener("touchmove", () => follow(false), { passive: true });
part("view").addEventListener("keydown", (event) => {
  if (["ArrowUp", "PageUp", "Home"].includes(event.key)) follow(false);
  if (event.key === "End") follow(true);
});
part("view").addEventListener("scroll", () => {
  const element = part("view");
  const atEnd = element.scrollHeight - element.scrollTop - element.clientHeight < 4;
  if (!view.follows && atEnd && element.scrollTop > scrolled) follow(true);
  scrolled = element.scrollTop;
});
part("view").addEventListener("click", (event) => {
  const number = event.target.closest(".line__number");
  if (!number) return;
  event.preventDefault();
  follow(false);
  history.replaceState(null, "", number.hash);
  view.mark({ target: Number(number.hash.slice(2)) });
});

// Search -------------------------------------------------------------------------------------

const visible = (text) => pieces(text).map((piece) => piece.text).join("").toLowerCase();
function fits(line) {
  return visible(line.text).includes(query);
}
function tell() {
  const shown = !query ? "" : !matches.length ? "none found" : `${place + 1} of ${matches.length.toLocaleString("en-GB")}`;
  part("found").textContent = shown;
}
function step(by) {
  if (!matches.length) return;
  place = (place + by + matches.length) % matches.length;
  follow(false);
  view.mark({ current: matches[place] });
  view.goTo(matches[place]);
  tell();
}
function search() {
  query = part("search").value.toLowerCase();
  matches = query ? view.lines.filter(fits).map((line) => line.sequence) : [];
  place = -1;
  view.mark({ found: new Set(matches), current: 0 });
  if (matches.length) step(1);
  else tell();
}
let typing;
part("search").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(search, 150);
});
part("search").addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  step(event.shiftKey ? -1 : 1);
});
part("previous").addEventListener("click", () => step(-1));
part("next").addEventListener("click", () => step(1));
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.target.closest("input, textarea, select")) return;
  event.preventDefault();
  part("search").focus();
});

// Steps --------------------------------------------------------------------------------------

const drawings = document.querySelector("template[data-steps]");
function showStep(found) {
  const item = document.querySelector(`[data-step="${CSS.escape(found.name)}"]`);
  const drawing = drawings?.content.querySelector(`[data-state="${CSS.escape(found.state)}"]`);
  if (!item || !drawing) return;
  item.className = `timeline__item ${drawing.className}`;
  item.querySelector(".timeline__mark").replaceChildren(drawing.querySelector("svg").cloneNode(true));
  item.querySelector(".hidden-text").textContent = drawing.textContent.trim();
  const time = item.querySelector(".timeline__time");
  if (found.seconds === null && found.started_at) time.dataset.since = found.started_at;
  else delete time.dataset.since;
  time.textContent = found.seconds === null ? "" : duration(found.seconds);
  if (found.seconds !== null) item.querySelector(".timeline__hint")?.remove();
}
setInterval(() => {
  for (const element of document.querySelectorAll("[data-since]")) {
    element.textContent = duration((Date.now() - new Date(element.dataset.since)) / 1000);
  }
}, 1000);

// The run has ended: what came of it is the server's to say.
function ended() {
  if (!root.hasAttribute("data-open")) return;
  for (const id of ["run-head", "run-side"]) {
    htmx.ajax("GET", location.pathname, { target: `#${id}`, swap: "outerHTML", select: `#${id}` });
  }
}

let arrived = false;
const source = new LogSource(root.dataset.log, {
  onLine(line) {
    view.add(line);
    if (query && fits(line)) {
      matches.push(line.sequence);
      view.found.add(line.sequence);
    }
  },
  onStep: showStep,
  onEnd: ended,
  onState: (state) => show(root, state),
});
part("view").addEventListener("log:drawn", () => {
  part("count").textContent = count(view.lines.length);
  tell();
  if (target && !arrived && view.last >= target) {
    arrived = true;
    follow(false);
    view.mark({ target });
    view.goTo(target);
  }
});
part("count").textContent = "no lines yet";
source.open();
