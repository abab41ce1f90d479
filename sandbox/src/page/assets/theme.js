// Light or dark, before anything is drawn: as the system prefers, unless somebody chose.
// A classic script, so that it runs before the first paint.
"use strict";
(() => {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    const chosen = localStorage.getItem("theme");
    document.documentElement.dataset.theme = chosen ?? (system.matches ? "dark" : "light");
  };
  system.addEventListener("change", apply);
  window.switchTheme = () => {
    const now = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    // The system's own preference isn't remembered, so that the page follows it again.
    if (now === (system.matches ? "dark" : "light")) localStorage.removeItem("theme");
    else localStorage.setItem("theme", now);
    apply();
  };
  apply();
})();
