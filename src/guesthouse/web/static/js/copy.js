// Copyable commands and addresses.
import { toast } from "./toast.js";

const SHOWN_MS = 1600;

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
  } catch {
    toast({ tone: "warn", title: "It could not be copied", text: "Select the text and copy it by hand." });
    return;
  }
  const label = button.getAttribute("aria-label");
  button.classList.add("copy--done");
  button.setAttribute("aria-label", "Copied");
  button.title = "Copied";
  setTimeout(() => {
    button.classList.remove("copy--done");
    button.setAttribute("aria-label", label);
    button.title = label;
  }, SHOWN_MS);
});
