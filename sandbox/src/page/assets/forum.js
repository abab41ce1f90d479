// A forum: its posts, most recently active first, and how to start one.

import { avatar } from "./avatar.js";
import { act, compareIds } from "./link.js";
import { openDialog } from "./dialog.js";
import { fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { markdown } from "./markdown.js";
import { authorName } from "./message.js";
import { index, nameOf, on, tell } from "./state.js";
import { ago } from "./time.js";

/** When something was created, from its id: Discord counts milliseconds since 2015. */
export const dateOf = (id) => new Date(Number(BigInt(id) >> 22n) + 1_420_070_400_000);

export class Forum {
  constructor(channel, side) {
    this.channel = channel;
    this.side = side;
    this.tag = null;
    this.element = h("div", { class: "forum" });
    this.stop = on("world", () => this.draw());
    this.draw();
  }

  close() {
    this.stop();
  }

  draw() {
    const forum = index.channels.get(this.channel);
    const guild = index.guilds.get(forum?.guild);
    if (!guild) return;
    const newest = (post) => post.last ?? post.id;
    const all = guild.channels.filter((channel) => channel.parent === forum.id && channel.thread);
    const posts = all.filter((post) => !this.tag || post.thread.tags.includes(this.tag)).sort((a, b) => compareIds(newest(b), newest(a)));
    const tag = (tag) => h("button", { class: "tag", type: "button", "aria-pressed": String(this.tag === tag.id), onclick: () => this.choose(tag.id) }, tag.name);
    fill(
      this.element,
      h("div", { class: "forum-bar" }, h("div", { class: "tags", role: "group", "aria-label": "Only posts with a tag" }, forum.tags.map(tag)), forum.may.post && h("button", { class: "button primary", type: "button", onclick: () => newPost(forum, this.side) }, icon("plus"), "New post")),
      h("ul", { class: "posts", "aria-label": "Posts" }, posts.map((post) => this.card(post, forum))),
      posts.length === 0 && h("div", { class: "empty" }, icon("forum"), h("p", {}, this.tag ? "No post has this tag." : "Nobody has posted here yet.")),
    );
  }

  choose(tag) {
    this.tag = this.tag === tag ? null : tag;
    this.draw();
  }

  card(post, forum) {
    const { thread } = post;
    const names = thread.tags.map((id) => forum.tags.find((tag) => tag.id === id)?.name).filter(Boolean);
    const writer = thread.first ? authorName(thread.first.author, forum.guild) : nameOf(thread.owner, forum.guild);
    const at = dateOf(post.last ?? post.id);
    const replies = Math.max(0, thread.count - 1);
    const open = (event) => tell("go", { channel: post.id, side: this.side, beside: event.ctrlKey || event.metaKey || event.altKey });
    return h(
      "li",
      { "data-key": post.id },
      h(
        "button",
        { class: "post", type: "button", onclick: open },
        h("span", { class: "post-tags" }, names.map((name) => h("span", { class: "tag" }, name)), thread.locked && h("span", { class: "tag" }, icon("lock"), "Locked"), thread.archived && h("span", { class: "tag" }, "Archived")),
        h("span", { class: "post-title" }, post.name),
        h("span", { class: "post-text" }, h("strong", {}, writer), ": ", thread.first?.text ? plain(thread.first.text, forum.guild) : "…"),
        h("span", { class: "post-foot" }, avatar(writer, "tiny"), h("span", {}, replies === 1 ? "1 answer" : `${replies} answers`), h("span", { "aria-hidden": "true" }, "·"), h("time", { datetime: at.toISOString(), "data-relative": true }, ago(at))),
      ),
    );
  }
}

/** A text without its formatting: a card is one button, and can't contain others. */
const plain = (text, guild) => h("span", {}, markdown(text, guild)).textContent;

function newPost(forum, side) {
  const chosen = new Set();
  const title = h("input", { class: "field-input", id: "post-title", maxlength: "100", autocomplete: "off", required: true });
  const text = h("textarea", { class: "field-input", id: "post-text", rows: "6", required: true });
  const files = h("input", { type: "file", id: "post-files", multiple: true });
  const tag = (tag) => {
    const button = h("button", { class: "tag", type: "button", "aria-pressed": "false" }, tag.name);
    button.onclick = () => {
      if (!chosen.delete(tag.id)) chosen.add(tag.id);
      button.setAttribute("aria-pressed", String(chosen.has(tag.id)));
    };
    return button;
  };
  const body = [
    h("div", { class: "field-box" }, h("label", { for: "post-title" }, "Title"), title),
    forum.tags.length > 0 && h("div", { class: "field-box" }, h("span", { class: "field-name", id: "post-tags" }, forum.tag_required ? "Tags (at least one)" : "Tags"), h("div", { class: "tags", role: "group", "aria-labelledby": "post-tags" }, forum.tags.map(tag))),
    h("div", { class: "field-box" }, h("label", { for: "post-text" }, "Message"), text),
    h("div", { class: "field-box" }, h("label", { for: "post-files" }, "Files"), files),
  ];
  const submit = async () => {
    const { channel } = await act("start_post", { channel: forum.id, title: title.value, tags: [...chosen], content: text.value }, [...files.files]);
    return () => tell("go", { channel, side });
  };
  openDialog({ title: `New post in ${forum.name}`, body, submit, send: "Post", kind: "form" });
  title.focus();
}
