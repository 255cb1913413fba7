// Short messages at the edge; an answer of the server brings one in the header HX-Trigger.
const STAYS_MS = 8000;

export function toast({ tone = "bad", title = "", text = "" }) {
  const place = document.querySelector("[data-toasts]");
  const drawing = document.querySelector("template[data-toast]");
  if (!place || !drawing) return;
  const element = drawing.content.firstElementChild.cloneNode(true);
  element.classList.add(`tone-${tone}`);
  element.querySelector(".toast__title").textContent = title;
  element.querySelector(".toast__text").textContent = text;
  element.querySelector("button").addEventListener("click", () => element.remove());
  place.append(element);
  // An error stays until it is read.
  if (tone !== "bad") setTimeout(() => element.remove(), STAYS_MS);
}

document.addEventListener("toast", (event) => toast(event.detail));
document.addEventListener("htmx:sendError", () =>
  toast({ tone: "warn", title: "Guesthouse does not answer", text: "Nothing was changed. Try again in a moment." }),
);
