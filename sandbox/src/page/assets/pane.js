// One of the channels side by side: its head, its messages or posts, and the message box.

import { Composer } from "./composer.js";
import { fill, h } from "./dom.js";
import { Forum } from "./forum.js";
import { act } from "./link.js";
import { icon } from "./icons.js";
import { channelIcon, channelName, index, isForum, on, state, tell } from "./state.js";
import { Timeline } from "./timeline.js";
import { chooseChannel } from "./toolbar.js";

export class Pane {
  constructor(side) {
    this.side = side;
    this.channel = null;
    this.head = h("header", { class: "pane-head" });
    this.body = h("div", { class: "pane-body" });
    this.element = h("section", { class: "pane", "data-side": side }, this.head, this.body);
    this.element.addEventListener("focusin", () => tell("active", side));
    on("world layout", () => this.draw());
  }

  /** Shows what the layout says. */
  draw() {
    const id = state.layout[this.side];
    const channel = index.channels.get(id);
    this.element.hidden = this.side === "right" && !id;
    this.drawHead(channel);
    const kind = channel ? (isForum(channel) ? "forum" : "messages") : "nothing";
    const mode = `${state.layout.as} ${id} ${kind}`;
    if (mode !== this.mode) {
      this.mode = mode;
      this.open(channel, kind);
    }
    this.composer?.drawState();
  }

  open(channel, kind) {
    this.timeline?.close();
    this.forum?.close();
    this.composer?.close();
    this.timeline = this.forum = this.composer = null;
    this.element.setAttribute("aria-label", channel ? channelName(channel) : "No channel");
    if (kind === "nothing") {
      this.body.replaceChildren(nothing());
    } else if (kind === "forum") {
      this.forum = new Forum(channel.id, this.side);
      this.body.replaceChildren(this.forum.element);
    } else {
      this.timeline = new Timeline(this, channel.id);
      this.composer = new Composer(this, channel.id);
      this.timeline.toolbar.keep();
      this.body.replaceChildren(this.timeline.element, this.composer.element);
      this.timeline.shown = () => this.pending && this.timeline.show(this.pending) && (this.pending = null);
      this.timeline.toEnd();
    }
  }

  /** Shows a message as soon as it exists. */
  showMessage(id) {
    if (!this.timeline?.show(id)) this.pending = id;
  }

  /** Says what went wrong, near where it happened. */
  complain(text) {
    if (this.composer) this.composer.complain(text);
    else tell("announce", text);
  }

  drawHead(channel) {
    const menu = h("button", { class: "icon-button only-narrow", type: "button", "aria-label": "Channels", onclick: () => tell("drawer") }, icon("menu"));
    if (!channel) {
      fill(this.head, menu, h("h2", {}, state.world ? "" : "…"), this.side === "right" && this.closeButton());
      return;
    }
    const parent = channel.thread && index.channels.get(channel.parent);
    const home = index.guilds.get(channel.guild);
    fill(
      this.head,
      menu,
      h("span", { class: "head-icon" }, icon(channelIcon(channel))),
      parent && h("button", { class: "text-button parent", type: "button", onclick: () => tell("go", { channel: parent.id, side: this.side }) }, parent.name),
      parent && h("span", { class: "faint", "aria-hidden": "true" }, "›"),
      h("h2", { title: channelName(channel) }, channelName(channel)),
      channel.private && h("span", { class: "head-lock", title: "Not everyone sees this channel" }, icon("lock")),
      home && index.guilds.size > 1 && h("span", { class: "head-home" }, home.name),
      h("span", { class: "topic", title: channel.topic }, channel.topic),
      channel.type === 5 && h("button", { class: "button plain small", type: "button", title: "Let a channel follow this one, with Discord's own following", onclick: () => this.follow(channel) }, icon("follow"), "Follow"),
      this.side === "left" && !state.layout.right && h("button", { class: "icon-button only-wide", type: "button", "aria-label": "Open another channel beside", title: "Open another channel beside", onclick: () => tell("switcher", { beside: true }) }, icon("beside")),
      this.side === "right" && this.closeButton(),
    );
  }

  closeButton() {
    return h("button", { class: "icon-button", type: "button", "aria-label": "Close this side", title: "Close this side", onclick: () => tell("close", this.side) }, icon("close"));
  }

  /** Discord's own following, without the bot. */
  follow(channel) {
    chooseChannel({
      title: `Follow ${channel.name}`,
      text: "With Discord's own following, what is published here is copied to a channel of yours. You need Manage Webhooks there.",
      send: "Follow",
      fits: (item) => [0, 5].includes(index.channels.get(item.value).type) && item.value !== channel.id,
      submit: (to) => act("follow_natively", { channel: channel.id, to }),
    });
  }
}

function nothing() {
  return h("div", { class: "empty" }, icon("hash"), h("p", {}, "Choose a channel on the left, or press Ctrl+K."));
}
