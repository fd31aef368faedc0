/** Light or dark: as the system has it, until somebody chooses. */

const KEY = "tfsbir theme";

/** Lets a button switch between light and dark, and keeps the choice. */
export function letChooseTheme(button) {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const root = document.documentElement;
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const update = () => button.setAttribute("aria-pressed", String(isDark()));
  const kept = localStorage.getItem(KEY);
  if (kept === "dark" || kept === "light") root.dataset.theme = kept;
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    localStorage.setItem(KEY, root.dataset.theme);
    update();
  });
  system.addEventListener("change", update);
  update();
}
