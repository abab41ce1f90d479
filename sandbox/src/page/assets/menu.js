// Menus: a list of things to do, with arrow keys.

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { popUp } from "./popup.js";

/** Opens a menu at an element. Items: `{ name, icon, detail, danger, run }`, `null` for a line, `{ heading }`. */
export function openMenu(anchor, label, items, { align = "end", above = false, at = null } = {}) {
  const rows = items.filter((item) => item !== false).map((item) => {
    if (item === null) return h("li", { role: "separator" });
    if (item.heading) return h("li", { role: "presentation", class: "group" }, item.heading);
    const run = () => {
      popup.close();
      item.run();
    };
    const checked = item.checked !== undefined;
    return h("li", { role: "none" }, h("button", { role: checked ? "menuitemradio" : "menuitem", "aria-checked": checked ? String(item.checked) : null, type: "button", class: item.danger ? "danger" : null, tabindex: "-1", onclick: run }, item.picture ?? (item.icon && icon(item.icon)), h("span", { class: "option-text" }, h("span", { class: "option-name" }, item.name), item.detail && h("span", { class: "option-detail" }, item.detail)), item.checked && icon("check")));
  });
  const menu = h("ul", { class: "popup menu", role: "menu", "aria-label": label }, rows);
  const buttons = () => [...menu.querySelectorAll("button")];
  const move = (step) => {
    const all = buttons();
    const at = all.indexOf(document.activeElement);
    all[(at + step + all.length) % all.length]?.focus();
  };
  let typed = "";
  let forgets;
  menu.onkeydown = (event) => {
    if (event.key === "ArrowDown") move(1);
    else if (event.key === "ArrowUp") move(-1);
    else if (event.key === "Home") buttons()[0]?.focus();
    else if (event.key === "End") buttons().at(-1)?.focus();
    else if (event.key === "Escape" || event.key === "Tab") popup.close();
    else if (event.key.length === 1 && !event.ctrlKey && !event.metaKey && (event.key !== " " || typed)) {
      // Letters in quick succession are the beginning of a name.
      clearTimeout(forgets);
      typed += event.key.toLowerCase();
      forgets = setTimeout(() => (typed = ""), 700);
      buttons().find((button) => button.querySelector(".option-name").textContent.toLowerCase().startsWith(typed))?.focus();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  // A message isn't expanded by its menu; only a button that opens one is.
  if (!at) anchor.setAttribute("aria-expanded", "true");
  const popup = popUp(menu, anchor, {
    align, above, at,
    onclose: () => {
      if (!at) anchor.setAttribute("aria-expanded", "false");
      if (document.activeElement === document.body) anchor.focus({ preventScroll: true });
    },
  });
  (menu.querySelector("[aria-checked=true]") ?? buttons()[0])?.focus({ preventScroll: true });
  return popup;
}
