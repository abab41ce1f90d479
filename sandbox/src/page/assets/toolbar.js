// What can be done with a message: the bar at its corner, its menu, and its keys.

import { act } from "./link.js";
import { confirmFirst, openDialog } from "./dialog.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { openForm } from "./form.js";
import { openMenu } from "./menu.js";
import { channelItems } from "./offers.js";
import { Picker, fitting } from "./picker.js";
import { index, nameOf, state, tell } from "./state.js";

export class Toolbar {
  constructor(pane, timeline) {
    this.pane = pane;
    this.timeline = timeline;
    this.message = null;
    this.element = h("div", { class: "toolbar", role: "toolbar", "aria-label": "What to do with this message", "data-own": "" });
    const over = (event) => {
      const row = event.target.closest?.(".message[data-message]");
      if (row && row.dataset.message !== this.message) this.stand(row);
    };
    timeline.list.addEventListener("pointerover", over);
    timeline.list.addEventListener("focusin", over);
    timeline.list.addEventListener("contextmenu", (event) => this.rightClicked(event));
  }

  /** The message's menu, where the pointer is. Links, pictures, fields and marked text keep the browser's; so does everything with Shift. */
  rightClicked(event) {
    const row = event.target.closest?.(".message[data-message]");
    const own = event.target.closest?.("a, img, video, audio, input, textarea, select");
    const message = row && this.find(row.dataset.message);
    if (!message || own || event.shiftKey || !getSelection().isCollapsed || this.actions(message).length === 0) return;
    event.preventDefault();
    this.menu(message.id, row, event);
  }

  find(id) {
    return state.channels.get(this.timeline.channel)?.messages.get(id);
  }

  /** Stands at this message. There is one bar for all, so that the page stays light. */
  stand(row) {
    const message = this.find(row.dataset.message);
    if (!message || this.element.querySelector("[aria-expanded=true]")) return;
    this.message = message.id;
    const button = (name, label, run) => h("button", { class: "icon-button", type: "button", "aria-label": label, title: label, onclick: (event) => run(event) }, icon(name));
    const all = this.actions(message);
    const quick = all.filter((action) => action?.quick).map((action) => button(action.icon, action.name, () => action.run()));
    const more = h("button", { class: "icon-button", type: "button", "aria-label": "More", title: "More", "aria-haspopup": "menu", onclick: () => this.menu(message.id, more) }, icon("more"));
    this.element.replaceChildren(...quick, ...(all.length > 0 ? [more] : []));
    row.append(this.element);
  }

  /** After the list was drawn anew: the bar goes with a message that is gone. */
  keep() {
    if (this.message && !this.element.isConnected) this.message = null;
  }

  actions(message) {
    const channel = index.channels.get(this.timeline.channel);
    if (!channel || message.thinking || message.ephemeral) return [];
    const me = state.layout.as;
    const own = message.author.id === me;
    const ordinary = [0, 19, 20].includes(message.kind);
    const where = { channel: channel.id, message: message.id };
    const attempt = async (what, details = {}) => {
      try {
        return await act(what, { ...where, ...details });
      } catch (error) {
        this.pane.complain(error.message);
        return null;
      }
    };
    return [
      ordinary && { name: "Reply", icon: "reply", quick: true, key: "r", run: () => this.pane.composer.reply(message) },
      own && ordinary && !message.forward && { name: "Edit", icon: "edit", quick: true, key: "e", run: () => this.pane.composer.edit(message) },
      channel.type === 5 && ordinary && !message.published && !message.copy && { name: "Publish", icon: "publish", quick: true, key: "p", run: () => attempt("publish") },
      message.content && { name: "Copy text", icon: "copy", run: () => copy(message.content, this.pane) },
      { name: "Copy message id", icon: "copy", run: () => copy(message.id, this.pane) },
      ordinary && { name: "Forward…", icon: "forward", run: () => forward(message, channel) },
      [0, 5].includes(channel.type) && ordinary && !message.thread && { name: "Start a thread…", icon: "thread", run: () => startThread(channel, message) },
      (own || channel.may.moderate) && { name: "Delete…", icon: "trash", key: "Delete", danger: true, run: () => this.remove(message, where) },
    ].filter(Boolean);
  }

  remove(message, where) {
    const text = message.content ? h("blockquote", {}, message.content.slice(0, 200)) : null;
    const done = async () => {
      await act("delete", where);
      return () => this.pane.composer?.focus();
    };
    confirmFirst({ title: "Delete this message?", text, send: "Delete", done });
  }

  async menu(id, anchor, at = null) {
    const message = this.find(id);
    if (!message) return;
    const items = this.actions(message);
    let apps = [];
    let forPeople = false;
    try {
      const { commands } = await act("commands", { channel: this.timeline.channel });
      apps = commands.filter((command) => command.type === 3);
      forPeople = !message.author.webhook && commands.some((command) => command.type === 2);
    } catch {
      // Without the sandbox there are no commands; the others stay.
    }
    const last = items.findIndex((item) => item.danger);
    const run = (command) => this.runOn(message, command.name);
    const entries = apps.length > 0 ? [{ heading: "Apps" }, ...apps.map((command) => ({ name: command.name, icon: "apps", run: () => run(command) }))] : [];
    if (forPeople) {
      const name = nameOf(message.author.id, index.channels.get(this.timeline.channel)?.guild);
      entries.push({ name: `${name}…`, detail: "Commands for this person", icon: "apps", run: () => this.timeline.people.open(message.author.id, anchor, at) });
    }
    if (last >= 0) items.splice(last, 0, ...entries, null);
    else items.push(...entries);
    openMenu(anchor, "What to do with this message", items, { at });
  }

  async runOn(message, command) {
    const settle = this.timeline.addLocal({ what: command });
    try {
      const answer = await act("run_on", { channel: this.timeline.channel, message: message.id, command });
      if (answer.modal) openForm(answer);
      settle(null);
    } catch (error) {
      settle({ error: error.message });
    }
  }

  /** A key at a message; answers whether it meant something. */
  key(id, key) {
    const message = this.find(id);
    if (!message) return false;
    const action = this.actions(message).find((action) => action.key === key);
    if (action) action.run();
    else if (key === "Enter" && this.message === id && this.element.lastChild) this.menu(id, this.element.lastChild);
    else return false;
    return true;
  }
}

async function copy(text, pane) {
  try {
    await navigator.clipboard.writeText(text);
    tell("announce", "Copied");
  } catch {
    pane.complain("The browser doesn't let the page copy.");
  }
}

function startThread(channel, message) {
  const name = h("input", { class: "field-input", id: "thread-name", maxlength: "100", value: message.content.split("\n")[0].slice(0, 60), autocomplete: "off" });
  const submit = async () => {
    const { channel: made } = await act("start_thread", { channel: channel.id, message: message.id, name: name.value });
    return () => tell("go", { channel: made, beside: true });
  };
  openDialog({ title: "Start a thread", body: h("div", { class: "field-box" }, h("label", { for: "thread-name" }, "Name"), name), submit, send: "Start" });
  name.select();
}

function forward(message, channel) {
  chooseChannel({ title: "Forward to", send: "Forward", fits: (item) => index.channels.get(item.value).may.post, submit: (to) => act("forward", { channel: channel.id, message: message.id, to }) });
}

/** Asks for a channel that the person sees. */
export function chooseChannel({ title, text, send, fits, submit }) {
  let to = null;
  const items = [...index.guilds.values()].flatMap((guild) => channelItems(guild, [0, 2, 5, 10, 11, 12, 13]).map((item) => ({ ...item, detail: guild.name }))).filter(fits);
  const input = h("input", { class: "field-input", id: "choose-channel", placeholder: "A channel", autocomplete: "off" });
  const picker = new Picker(input, {
    label: "Channels",
    source: (query) => fitting(items, query),
    pick: (item) => {
      to = item.value;
      input.value = `#${item.name}, ${item.detail}`;
    },
  });
  input.oninput = () => {
    to = null;
    picker.show(input.value.replace(/^#/, ""));
  };
  input.onfocus = () => picker.show("");
  input.onkeydown = (event) => {
    picker.key(event);
  };
  const send_ = async () => {
    if (!to) throw new Error("Choose a channel first.");
    await submit(to);
  };
  const dialog = openDialog({ title, body: [text && h("p", {}, text), h("div", { class: "field-box" }, h("label", { for: "choose-channel" }, "Channel"), input)], submit: send_, send });
  input.focus();
  return dialog;
}
