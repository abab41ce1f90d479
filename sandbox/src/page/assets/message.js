// One message, and the lines that Discord writes by itself.

import { avatar } from "./avatar.js";
import { components } from "./components.js";
import { h } from "./dom.js";
import { embeds } from "./embed.js";
import { attachments } from "./files.js";
import { icon } from "./icons.js";
import { markdown } from "./markdown.js";
import { channelMention } from "./mention.js";
import { index, nameOf, state, tell } from "./state.js";
import { fullOf, timeOf, whenOf } from "./time.js";

/** The author's name, as shown. */
export function authorName(author, guild) {
  return author.webhook ? author.name : nameOf(author.id, guild);
}

export const isApp = (author) => Boolean(author.webhook) || index.users.get(author.id)?.bot === true;

/** Discord's own lines: a channel is followed, a thread was started, what a thread was started from. */
const SYSTEM = [12, 18, 21];

/** Whether a message stands below the one before it, without a head of its own. */
export function continues(message, before) {
  if (!before || SYSTEM.includes(before.kind) || ![0, 20].includes(message.kind) || message.kind === 20 || message.used) return false;
  const same = before.author.id === message.author.id && before.author.webhook === message.author.webhook && before.author.name === message.author.name;
  return same && !before.ephemeral === !message.ephemeral && new Date(message.at) - new Date(before.at) < 7 * 60_000;
}

/** A message as an item of its channel's list. */
export function messageNode(message, channel, { grouped = false, edits = false, dismiss } = {}) {
  if (message.kind === 12) return systemLine(message, "follow", followed(message, channel));
  if (message.kind === 18) return systemLine(message, "thread", started(message, channel));
  if (message.kind === 21) return systemLine(message, "thread", [replyLine(message.reply, index.channels.get(channel.parent) ?? channel)]);
  const guild = channel.guild;
  const at = new Date(message.at);
  const name = authorName(message.author, guild);
  const me = message.mentions.users.includes(state.layout.as) || (message.mentions.everyone && message.author.id !== state.layout.as);
  const classes = ["message", grouped && "grouped", message.ephemeral && "ephemeral", me && "mentions-me", edits && "editing"];
  return h(
    "li",
    { class: classes.filter(Boolean).join(" "), "data-key": message.id, "data-message": message.id, tabindex: "-1", "aria-label": `${name}, ${timeOf(at)}` },
    message.reply && replyLine(message.reply, channel),
    message.used?.command && usedLine(message.used, guild),
    h("div", { class: "gutter" }, grouped ? h("time", { class: "small-time", datetime: message.at, title: fullOf(at) }, timeOf(at)) : avatar(name, "", message.author.avatar)),
    h(
      "div",
      { class: "body" },
      !grouped && head(message, name, at),
      content(message, channel),
      message.ephemeral && h("p", { class: "only-you" }, icon("eye"), "Only you can see this · ", h("button", { class: "text-button", type: "button", onclick: dismiss }, "Dismiss message")),
      message.thread && threadCard(message.thread),
    ),
  );
}

function head(message, name, at) {
  return h(
    "div",
    { class: "head" },
    message.author.webhook ? h("span", { class: "author" }, name) : h("button", { class: "author", type: "button", tabindex: "-1", "aria-haspopup": "menu", "data-person": message.author.id }, name),
    isApp(message.author) && h("span", { class: "badge" }, "APP"),
    h("time", { datetime: message.at, title: fullOf(at) }, whenOf(at)),
    message.published && h("span", { class: "mark", title: "Copied to the channels that follow this one" }, icon("publish"), "Published"),
    message.copy && h("span", { class: "mark", title: "A copy that Discord's own channel following made" }, icon("follow"), "Followed"),
  );
}

function content(message, channel) {
  if (message.thinking) {
    const late = Date.now() - new Date(message.at) > 15 * 60_000;
    if (late) return h("p", { class: "failure" }, icon("warning"), "The application did not respond");
    return h("p", { class: "thinking" }, h("span", { class: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i")), `${nameOf(state.world.bot)} is thinking…`);
  }
  const guild = channel.guild;
  const edited = message.edited && h("span", { class: "edited", title: fullOf(new Date(message.edited)) }, " (edited)");
  const jumbo = /^(?:\p{Extended_Pictographic}[\u{fe0f}\u{200d}\u{1f3fb}-\u{1f3ff}]*\s*){1,6}$/u.test(message.content);
  return [
    (message.content !== "" || edited) && h("div", { class: jumbo ? "text jumbo" : "text" }, markdown(message.content, guild), edited),
    message.forward && forward(message.forward, guild),
    message.poll && poll(message.poll),
    (message.stickers ?? []).map((sticker) => h("div", { class: "sticker" }, h("span", { class: "emoji" }, "🏷️"), h("span", {}, sticker.name ?? "Sticker", h("span", { class: "faint" }, "Sticker")))),
    attachments(usedByComponents(message), message.embeds),
    embeds(message.embeds, message.files, guild),
    components(message.components, message, channel),
  ];
}

/** Files that components show aren't listed again. */
function usedByComponents(message) {
  const text = JSON.stringify(message.components);
  return message.files.filter((file) => !text.includes(`attachment://${file.name}"`));
}

function replyLine(reply, channel) {
  if (reply.gone) return h("div", { class: "answered" }, h("span", { class: "hook", "aria-hidden": "true" }), h("span", { class: "faint" }, "The original message was deleted"));
  const name = authorName(reply.author, channel.guild);
  const rest = reply.text ? markdown(reply.text.replaceAll("\n", " "), channel.guild) : h("em", {}, reply.files > 0 ? "A file" : "An embed");
  const go = (event) => {
    if (!event.target.closest("a, button.mention, [data-person]")) tell("show", { channel: channel.id, message: reply.id, from: event.currentTarget });
  };
  const onkeydown = (event) => {
    if (event.key === "Enter" && event.target === event.currentTarget) go(event);
  };
  return h(
    "div",
    { class: "answered", role: "button", tabindex: "0", "aria-label": `In answer to ${name}: go there`, onclick: go, onkeydown },
    h("span", { class: "hook", "aria-hidden": "true" }),
    avatar(name, "tiny", reply.author.avatar),
    h("span", { class: "answered-name" }, name),
    h("span", { class: "answered-text" }, rest),
  );
}

function usedLine(used, guild) {
  const name = nameOf(used.by, guild);
  return h("div", { class: "answered" }, h("span", { class: "hook", "aria-hidden": "true" }), avatar(name, "tiny"), h("span", { class: "answered-name" }, name), h("span", { class: "answered-text" }, "used ", h("span", { class: "command-name" }, used.command)));
}

function forward(of, guild) {
  const origin = index.channels.has(of.channel) ? channelMention(of.channel) : null;
  return h(
    "blockquote",
    { class: "forward" },
    h("div", { class: "faint" }, icon("forward"), h("em", {}, "Forwarded")),
    of.content && h("div", { class: "text" }, markdown(of.content, guild)),
    attachments(of.files ?? [], of.embeds),
    embeds(of.embeds ?? [], of.files ?? [], guild),
    h("div", { class: "faint" }, origin, origin && " · ", of.timestamp && whenOf(new Date(of.timestamp))),
  );
}

function poll(of) {
  return h(
    "div",
    { class: "poll" },
    h("strong", {}, of.question?.text ?? "Poll"),
    h("div", { class: "faint" }, of.allow_multiselect ? "Several answers are possible" : "One answer is possible"),
    h("ul", {}, (of.answers ?? []).map((answer) => h("li", {}, answer.poll_media?.emoji?.name && h("span", { class: "emoji" }, `${answer.poll_media.emoji.name} `), answer.poll_media?.text))),
    h("div", { class: "faint" }, of.results?.is_finalized ? "The poll has ended" : "Votes can't be given here"),
  );
}

function threadCard(id) {
  const thread = index.channels.get(id);
  if (!thread) return null;
  const count = thread.thread?.count ?? 0;
  const onclick = (event) => tell("go", { channel: id, beside: true, from: event.currentTarget });
  return h("button", { class: "thread-card", type: "button", onclick }, icon("thread"), h("strong", {}, thread.name), h("span", { class: "link" }, `${count} ${count === 1 ? "message" : "messages"} ›`));
}

/** A line of Discord's own. */
function systemLine(message, mark, words) {
  const at = new Date(message.at);
  const time = h("time", { datetime: message.at, title: fullOf(at) }, whenOf(at));
  return h(
    "li",
    { class: "message system", "data-key": message.id, "data-message": message.id, tabindex: "-1", "aria-label": `Discord, ${timeOf(at)}` },
    h("div", { class: "gutter" }, icon(mark)),
    h("div", { class: "body" }, h("p", {}, ...words, " ", time)),
  );
}

const strongAuthor = (message, channel) => h("strong", {}, authorName(message.author, channel.guild));

/** A channel follows another now. */
function followed(message, channel) {
  const source = h("strong", {}, index.channels.has(message.follows) ? channelMention(message.follows) : message.content);
  return [strongAuthor(message, channel), " has added ", source, " to this channel. What is published there will show up here."];
}

/** Somebody started a thread. */
function started(message, channel) {
  const thread = h("strong", {}, index.channels.has(message.starts) ? channelMention(message.starts) : message.content);
  return [strongAuthor(message, channel), " started a thread: ", thread, "."];
}
