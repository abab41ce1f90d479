// Ctrl+K: to any channel by its name. And the list of keys.

import { closeOutside } from "./dialog.js";
import { h } from "./dom.js";
import { channelItems } from "./offers.js";
import { Picker, fitting } from "./picker.js";
import { channelName, index, on, state, tell } from "./state.js";

export function startSwitcher() {
  on("switcher", ({ beside = false }) => openSwitcher(beside));
  on("shortcuts", openShortcuts);
}

function openSwitcher(beside) {
  if (document.querySelector("dialog.switcher")) return;
  const guilds = [...index.guilds.values()];
  const items = guilds.flatMap((guild) => channelItems(guild).filter((item) => index.channels.get(item.value).type !== 4).map((item) => ({ ...item, group: guild.name, also: [guild.name], detail: item.detail })));
  items.push(...state.world.direct.map((channel) => ({ value: channel.id, name: channelName(channel), group: "Direct messages" })));
  let aside = beside;
  const input = h("input", { type: "text", class: "switcher-input", placeholder: beside ? "Which channel beside?" : "Where to?", "aria-label": "A channel's name", autocomplete: "off", spellcheck: "false" });
  const dialog = h("dialog", { class: "dialog switcher", "aria-label": "To a channel" }, input, h("p", { class: "faint" }, "Enter opens it, Ctrl+Enter opens it beside."));
  const picker = new Picker(input, {
    label: "Channels",
    source: (query) => fitting(items, query.replace(/^#/, "")),
    pick: (item) => {
      dialog.close();
      tell("go", { channel: item.value, beside: aside });
    },
  });
  input.oninput = () => picker.show(input.value);
  input.onkeydown = (event) => {
    aside = beside || event.ctrlKey || event.metaKey;
    if (!picker.key(event)) return;
    if (event.key === "Escape") dialog.close();
  };
  closeOutside(dialog);
  dialog.onclose = () => {
    picker.close();
    dialog.remove();
  };
  document.body.append(dialog);
  dialog.showModal();
  input.focus();
  picker.show("");
}

const KEYS = [
  ["Ctrl K", "to a channel by its name (Ctrl Enter: beside)"],
  ["Alt ↑ ↓", "to the channel above or below"],
  ["Ctrl /", "this list"],
  ["/", "the bot's commands; Tab picks, Enter runs"],
  ["@ #", "mention people and channels"],
  ["Enter", "send; Shift Enter: a new line"],
  ["↑", "edit your last message, when nothing is written"],
  ["Esc", "cancel an answer or edit, leave a command"],
  ["Tab", "from the channels to the messages and on; ↑ ↓ between messages"],
  ["R E P Del", "at a message: reply, edit, publish, delete; Enter: more"],
];

function openShortcuts() {
  const rows = KEYS.map(([keys, what]) => h("div", {}, h("dt", {}, keys.split(" ").map((key) => h("kbd", {}, key))), h("dd", {}, what)));
  const close = h("button", { class: "button primary", type: "button", onclick: () => dialog.close() }, "Close");
  const dialog = h("dialog", { class: "dialog", "aria-labelledby": "shortcuts-title" }, h("header", {}, h("h2", { id: "shortcuts-title" }, "Keyboard")), h("div", { class: "dialog-body" }, h("dl", { class: "keys" }, rows)), h("footer", {}, close));
  closeOutside(dialog);
  dialog.onclose = () => dialog.remove();
  document.body.append(dialog);
  dialog.showModal();
}
