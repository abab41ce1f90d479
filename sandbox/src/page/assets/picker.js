// A list to pick from while typing: commands, options' values, mentions, channels. The input keeps the focus (ARIA's combobox).

import { fill, freshId, h } from "./dom.js";
import { popUp } from "./popup.js";

export class Picker {
  /**
   * `source(query)` returns items, `{ name, detail, picture, group }`, or a promise of them; `pick(item)` is called with the one that is picked.
   * With `eager`, the first item is marked immediately, so that Enter picks it.
   */
  constructor(input, { label, source, pick, anchor = input, above = false, eager = true, empty = "Nothing fits" }) {
    Object.assign(this, { input, source, pick, anchor, above, eager, empty });
    this.items = [];
    this.at = -1;
    this.asked = 0;
    this.list = h("ul", { role: "listbox", id: freshId("list"), "aria-label": label });
    this.popup = h("div", { class: "popup picker" }, this.list);
    // A click in the list must not take the focus from the input.
    this.popup.addEventListener("pointerdown", (event) => event.preventDefault());
    input.setAttribute("role", "combobox");
    input.setAttribute("aria-autocomplete", "list");
    input.setAttribute("aria-expanded", "false");
    input.setAttribute("aria-controls", this.list.id);
  }

  get isOpen() {
    return Boolean(this.shown);
  }

  /** Shows what matches this text. */
  async show(query) {
    const asked = (this.asked += 1);
    let items;
    try {
      const answer = this.source(query);
      if (answer instanceof Promise && !this.shown) this.draw([], "Asking…");
      items = await answer;
    } catch (error) {
      if (asked === this.asked) this.draw([], error.message);
      return;
    }
    if (asked !== this.asked) return;
    if (items === null) this.close();
    else this.draw(items, this.empty);
  }

  draw(items, otherwise) {
    this.items = items;
    this.at = this.eager && items.length > 0 ? 0 : -1;
    let group = null;
    const rows = items.flatMap((item, at) => {
      const head = item.group && item.group !== group ? [h("li", { class: "group", role: "presentation" }, item.group)] : [];
      group = item.group;
      return [...head, this.row(item, at)];
    });
    fill(this.list, rows.length > 0 ? rows : [h("li", { class: "none", role: "presentation" }, otherwise)]);
    if (!this.shown) {
      this.shown = popUp(this.popup, this.anchor, { above: this.above, onclose: () => this.closed() });
      this.input.setAttribute("aria-expanded", "true");
    }
    this.shown.place();
    this.mark(this.at);
  }

  row(item, at) {
    const take = () => this.take(at);
    const onpointermove = () => {
      if (this.at !== at) this.mark(at, false);
    };
    const row = h("li", { role: "option", id: `${this.list.id}-${at}`, "aria-selected": "false", onclick: take, "data-name": item.name }, item.picture, h("span", { class: "option-text" }, h("span", { class: "option-name" }, item.label ?? item.name), item.detail && h("span", { class: "option-detail" }, item.detail)), item.mark && h("span", { class: "option-mark" }, item.mark));
    row.onpointermove = onpointermove;
    return row;
  }

  mark(at, scroll = true) {
    this.at = at;
    for (const [index, row] of [...this.list.querySelectorAll("[role=option]")].entries()) {
      const chosen = index === at;
      row.setAttribute("aria-selected", String(chosen));
      if (chosen && scroll) row.scrollIntoView({ block: "nearest" });
    }
    if (at >= 0) this.input.setAttribute("aria-activedescendant", `${this.list.id}-${at}`);
    else this.input.removeAttribute("aria-activedescendant");
  }

  take(at) {
    const item = this.items[at];
    if (!item || item.disabled) return;
    this.close();
    this.pick(item);
  }

  /** Handles a key. Returns whether it did. */
  key(event) {
    if (!this.isOpen || event.isComposing) return false;
    const count = this.items.length;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && count > 0) {
      this.mark(this.at < 0 ? (step > 0 ? 0 : count - 1) : (this.at + step + count) % count);
    } else if ((event.key === "Enter" || event.key === "Tab") && !event.shiftKey && this.at >= 0) {
      this.take(this.at);
    } else if (event.key === "Tab" && !event.shiftKey && count > 0 && !this.eager) {
      this.take(0);
    } else if (event.key === "Escape") {
      this.close();
    } else {
      return false;
    }
    event.preventDefault();
    event.stopPropagation();
    return true;
  }

  close() {
    this.asked += 1;
    this.shown?.close();
  }

  closed() {
    this.shown = null;
    this.at = -1;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }
}

/** Items that match what was typed: first those that begin with it, then those that contain it. */
export function fitting(items, query) {
  const wanted = query.trim().toLowerCase();
  if (wanted === "") return items;
  const rank = (item) => {
    const texts = [item.name, ...(item.also ?? [])].map((text) => text.toLowerCase());
    if (texts.some((text) => text.startsWith(wanted))) return 0;
    return texts.some((text) => text.includes(wanted)) ? 1 : 2;
  };
  const ranked = items.map((item) => [rank(item), item]).filter(([rank]) => rank < 2);
  return ranked.sort(([a], [b]) => a - b).map(([, item]) => item);
}
