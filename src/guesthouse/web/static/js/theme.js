// Light or dark: the system's choice until a person makes another, kept in a cookie so that the
// server writes it into the page and nothing flashes.
const YEAR = 365 * 24 * 60 * 60;
const root = document.documentElement;

function isDark() {
  const chosen = root.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-theme-switch]")) return;
  root.dataset.theme = isDark() ? "light" : "dark";
  document.cookie = `guesthouse-theme=${root.dataset.theme}; path=/; max-age=${YEAR}; SameSite=Lax; Secure`;
});
