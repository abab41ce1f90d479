// Selects of messages and forms: of given options, or of people, roles and channels.

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { offersFor } from "./offers.js";
import { fitting } from "./picker.js";
import { popUp } from "./popup.js";
import { index } from "./state.js";

const KINDS = { 5: "user", 6: "role", 7: "mentionable", 8: "channel" };

/** A select; `choose` gets the values when the choice is made. */
export function select(of, channel, { busy = false, choose, chosen: given }) {
  const guild = index.guilds.get(channel.guild);
  const items = itemsOf(of, guild);
  const preset = given ?? (of.options ?? []).filter((option) => option.default).map((option) => option.value) ?? [];
  const defaults = given ?? (of.default_values?.map((value) => value.id) ?? preset);
  const max = of.max_values ?? 1;
  const min = of.min_values ?? 1;
  const shown = items.filter((item) => defaults.includes(item.value));
  const placeholder = of.placeholder ?? (max > 1 ? "Make a choice of several" : "Make a choice");
  const label = shown.length > 0 ? shown.map((item) => item.name).join(", ") : placeholder;
  const open = (event) => openList(event.currentTarget, { items, min, max, defaults, placeholder, choose });
  return h(
    "button",
    { class: `select${busy ? " busy" : ""}${shown.length > 0 ? "" : " unset"}`, type: "button", "aria-haspopup": "listbox", "aria-label": shown.length > 0 ? `${placeholder}: ${label}` : placeholder, "aria-busy": busy ? "true" : null, disabled: of.disabled === true, "data-custom-id": of.custom_id, onclick: open },
    h("span", { class: "select-label" }, label),
    icon("down"),
  );
}

function itemsOf(of, guild) {
  if (KINDS[of.type]) return offersFor(KINDS[of.type], guild, of.channel_types);
  return (of.options ?? []).map((option) => ({
    value: option.value,
    name: option.label,
    detail: option.description,
    picture: option.emoji?.name && h("span", { class: "emoji" }, option.emoji.id ? "🔹" : option.emoji.name),
  }));
}

/** The open list. One value is sent when it is picked, several when the list closes. */
function openList(button, { items, min, max, defaults, placeholder, choose }) {
  if (button.getAttribute("aria-expanded") === "true") return;
  const chosen = new Set(defaults.filter((value) => items.some((item) => item.value === value)));
  const several = max > 1;
  let changed = false;
  let shown = items;
  let at = -1;
  const rows = h("ul", { role: "listbox", "aria-label": placeholder, "aria-multiselectable": several ? "true" : null, tabindex: "-1" });
  const filter = items.length > 8 && h("input", { class: "filter", type: "text", placeholder: "Search", "aria-label": `Search: ${placeholder}`, autocomplete: "off" });
  const done = several && h("button", { class: "button primary small", type: "button", onclick: () => popup.close() }, "Done");
  const box = h("div", { class: "popup picker" }, filter, rows, done);
  const toggle = (item) => {
    changed = true;
    if (!several) {
      // If no choice is required, choosing the same again clears it.
      const again = min === 0 && chosen.has(item.value);
      chosen.clear();
      if (!again) chosen.add(item.value);
      popup.close();
    } else {
      if (chosen.has(item.value)) chosen.delete(item.value);
      else if (chosen.size < max) chosen.add(item.value);
      draw();
    }
  };
  const draw = () => {
    rows.replaceChildren(
      ...shown.map((item, number) => {
        const isChosen = chosen.has(item.value);
        return h("li", { role: "option", "aria-selected": String(isChosen), class: number === at ? "at" : null, "data-name": item.name, onclick: () => toggle(item) }, several && h("span", { class: `tick${isChosen ? " on" : ""}` }, isChosen && icon("check")), item.picture, h("span", { class: "option-text" }, h("span", { class: "option-name" }, item.name), item.detail && h("span", { class: "option-detail" }, item.detail)), !several && isChosen && icon("check"));
      }),
    );
    if (shown.length === 0) rows.replaceChildren(h("li", { class: "none", role: "presentation" }, "Nothing fits"));
    rows.children[at]?.scrollIntoView({ block: "nearest" });
  };
  const keys = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) at = (at + step + shown.length) % shown.length;
    else if (event.key === "Enter" || (event.key === " " && event.target !== filter)) {
      if (shown[at]) toggle(shown[at]);
      else if (several) popup.close();
    } else if (event.key === "Escape") {
      changed = false;
      popup.close();
    } else if (event.key === "Tab") popup.close();
    else return;
    if (event.key !== "Tab") event.preventDefault();
    event.stopPropagation();
    if (box.isConnected) draw();
  };
  button.setAttribute("aria-expanded", "true");
  box.style.minWidth = `${Math.max(button.offsetWidth, 180)}px`;
  const popup = popUp(box, button, {
    onclose: () => {
      button.setAttribute("aria-expanded", "false");
      button.focus({ preventScroll: true });
      if (changed && chosen.size >= min) choose([...chosen]);
    },
  });
  box.addEventListener("keydown", keys);
  if (filter) {
    filter.oninput = () => {
      shown = fitting(items, filter.value);
      at = shown.length > 0 ? 0 : -1;
      draw();
    };
  }
  draw();
  (filter || rows).focus();
}
