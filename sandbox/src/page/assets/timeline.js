// The messages of one channel: the list, kept at its end while new ones come, with days and a mark for what is new.

import { fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { wantMore } from "./link.js";
import { continues, messageNode } from "./message.js";
import { PersonMenu } from "./person.js";
import { channelIcon, index, on, state } from "./state.js";
import { dayOf } from "./time.js";
import { Toolbar } from "./toolbar.js";

/** Ephemeral messages that were dismissed. Discord forgets them, too. */
const dismissed = new Set();

export class Timeline {
  constructor(pane, channel) {
    this.pane = pane;
    this.channel = channel;
    this.locals = [];
    this.nodes = new Map();
    this.atEnd = true;
    this.list = h("ol", { class: "messages", "aria-label": "Messages" });
    this.older = h("button", { class: "button plain older", type: "button", onclick: () => this.loadOlder(), hidden: true }, "Show older messages");
    this.start = h("div", { class: "beginning" });
    this.inner = h("div", { class: "timeline-inner" }, this.older, this.start, this.list);
    this.scroller = h("div", { class: "timeline", tabindex: "-1" }, this.inner);
    this.jump = h("button", { class: "jump", type: "button", hidden: true, onclick: () => this.toEnd() }, icon("down"), "New messages");
    this.element = h("div", { class: "timeline-box" }, this.scroller, this.jump);
    this.people = new PersonMenu(pane, this, index.channels.get(channel)?.guild);
    this.toolbar = new Toolbar(pane, this);
    this.scroller.onscroll = () => this.scrolled();
    this.list.onkeydown = (event) => this.key(event);
    // Pictures that arrive later, a growing composer, a smaller window: whoever was at the end stays there.
    this.observer = new ResizeObserver(() => (this.atEnd ? this.scrollToEnd() : this.measure()));
    this.observer.observe(this.inner);
    this.observer.observe(this.scroller);
    this.stop = [
      on("messages", (detail) => detail.channel === channel && this.update(detail)),
      on("world", () => this.draw()),
      on("redraw", (message) => this.redraw(message)),
    ];
    this.draw();
  }

  close() {
    this.stop.forEach((stop) => stop());
    this.observer.disconnect();
  }

  get messages() {
    const known = state.channels.get(this.channel)?.messages;
    return known ? [...known.values()].filter((message) => !dismissed.has(message.id)) : [];
  }

  /** A line of this page only: a command on its way, or one that failed. */
  addLocal(local) {
    this.locals.push(local);
    this.atEnd = true;
    this.draw();
    return (change) => {
      if (change) Object.assign(local, change);
      else this.locals = this.locals.filter((one) => one !== local);
      this.draw();
    };
  }

  update({ fresh, arrived = [], closed }) {
    if (closed) return;
    if (fresh) this.nodes.clear();
    const before = this.scroller.scrollHeight - this.scroller.scrollTop;
    this.draw(new Set(fresh ? [] : arrived.map((message) => message.id)));
    if (fresh && this.loading) {
      this.scroller.scrollTop = this.scroller.scrollHeight - before;
      this.loading = false;
    } else if (this.atEnd) {
      this.scrollToEnd();
    } else if (arrived.length > 0) {
      this.jump.hidden = false;
    }
    this.shown?.();
  }

  redraw(id) {
    if (!this.nodes.has(id)) return;
    this.nodes.get(id).source = null;
    this.draw();
  }

  draw(arrived = new Set()) {
    const channel = index.channels.get(this.channel);
    if (!channel) return;
    const known = state.channels.get(this.channel);
    this.older.hidden = !known?.more;
    fill(this.start, known && !known.more ? beginning(channel) : []);
    const items = [];
    let before = null;
    const messages = this.messages;
    for (const message of messages) {
      const day = new Date(message.at).toDateString();
      if (!before || new Date(before.at).toDateString() !== day) {
        items.push(h("li", { class: "day", role: "separator", "data-key": `day ${day}` }, h("span", {}, dayOf(new Date(message.at)))));
        before = null;
      }
      items.push(this.node(message, channel, continues(message, before), arrived.has(message.id)));
      before = message;
    }
    for (const [at, local] of this.locals.entries()) items.push(localLine(local, at, () => { this.locals.splice(at, 1); this.draw(); }));
    for (const id of this.nodes.keys()) if (!known?.messages.has(id)) this.nodes.delete(id);
    fill(this.list, items);
    const rows = this.list.querySelectorAll(".message");
    const current = [...rows].some((row) => row.tabIndex === 0);
    if (!current && rows.length > 0) rows[rows.length - 1].tabIndex = 0;
    this.toolbar.keep();
    if (this.atEnd) this.scrollToEnd();
  }

  /** The message's node: drawn anew only when something in it changed, and then brought up to date in place. */
  node(message, channel, grouped, arrived) {
    const edits = this.pane.composer?.editing === message.id;
    const known = this.nodes.get(message.id);
    const same = known && known.source === message && known.grouped === grouped && known.names === index.names && known.edits === edits;
    if (same) return known.element;
    const dismiss = () => {
      dismissed.add(message.id);
      this.draw();
    };
    const element = messageNode(message, channel, { grouped, edits, dismiss });
    if (known) {
      element.tabIndex = known.element.tabIndex;
      if (known.element.classList.contains("arrived")) element.classList.add("arrived");
    }
    if (arrived) element.classList.add("arrived");
    const old = known?.element.isConnected ? known.element : null;
    this.nodes.set(message.id, { source: message, grouped, names: index.names, edits, element: old ?? element });
    return element;
  }

  scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    // Nobody has scrolled where the list or its window has another size now: that scrolls by itself.
    if (this.atEnd && (scrollHeight !== this.height || clientHeight !== this.window)) return this.scrollToEnd();
    this.atEnd = scrollHeight - scrollTop - clientHeight < 40;
    if (this.atEnd) this.jump.hidden = true;
    if (scrollTop < 60 && !this.older.hidden && !this.loading) this.loadOlder();
    return undefined;
  }

  measure() {
    this.height = this.scroller.scrollHeight;
    this.window = this.scroller.clientHeight;
  }

  loadOlder() {
    this.loading = true;
    wantMore(this.channel);
  }

  scrollToEnd() {
    this.measure();
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.jump.hidden = true;
  }

  toEnd() {
    this.atEnd = true;
    this.scrollToEnd();
  }

  /** Brings a message into view and marks it for a moment. */
  show(id) {
    const element = this.list.querySelector(`[data-message="${CSS.escape(id)}"]`);
    if (!element) return false;
    this.atEnd = false;
    element.scrollIntoView({ block: "center" });
    element.classList.remove("shown-here");
    void element.offsetWidth;
    element.classList.add("shown-here");
    this.focus(element);
    return true;
  }

  focus(row) {
    for (const other of this.list.querySelectorAll('.message[tabindex="0"]')) other.tabIndex = -1;
    row.tabIndex = 0;
    row.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  }

  /** Arrow keys go from message to message, letters do something with one. */
  key(event) {
    const row = event.target.closest(".message");
    if (!row || event.target !== row || event.ctrlKey || event.metaKey || event.altKey) return;
    const rows = [...this.list.querySelectorAll(".message")];
    const at = rows.indexOf(row);
    const to = { ArrowUp: rows[at - 1], ArrowDown: rows[at + 1], Home: rows[0], End: rows.at(-1) }[event.key];
    if (to) this.focus(to);
    else if (event.key === "ArrowDown" || event.key === "Escape") this.pane.composer?.focus();
    else if (!this.toolbar.key(row.dataset.message, event.key)) return;
    event.preventDefault();
  }
}

function beginning(channel) {
  const name = channel.type === 1 ? "Direct messages with the bot" : isNamed(channel);
  return [h("div", { class: "beginning-sign" }, icon(channelIcon(channel))), h("h3", {}, name), h("p", { class: "faint" }, channel.thread ? "The beginning of this thread." : channel.topic ?? "The beginning of this channel. Write something, or type / for the bot's commands.")];
}

const isNamed = (channel) => (channel.thread ? channel.name : `Welcome to #${channel.name}`);

function localLine(local, at, dismiss) {
  return h(
    "li",
    { class: `local ${local.error ? "failed" : ""}`, "data-key": `local ${at}`, role: local.error ? "alert" : null },
    local.error ? icon("warning") : h("span", { class: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i")),
    h("span", { class: "local-text" }, h("strong", {}, local.what), " ", local.error ?? "is being sent…"),
    local.error && h("button", { class: "text-button", type: "button", onclick: dismiss }, "Dismiss"),
  );
}
