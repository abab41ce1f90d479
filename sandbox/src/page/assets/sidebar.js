// The left side of the page: servers, the channels of one, the bot's state, and who you are.

import { avatar, emblem } from "./avatar.js";
import { fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { compareIds } from "./link.js";
import { openMenu } from "./menu.js";
import { orderedChannels } from "./offers.js";
import { channelIcon, channelName, index, isThread, nameOf, on, state, tell } from "./state.js";

const rail = document.querySelector("#rail");
const side = document.querySelector("#side");
const folded = new Set();
/** The server whose channels are listed; "direct" for direct messages. */
let home = null;
/** The people for whom everything that already existed counts as read. */
const greeted = new Set();

export function startSidebar() {
  on("world layout status online", draw);
  on("home", (id) => {
    home = id;
    draw();
  });
}

const key = (channel) => `${state.layout.as} ${channel}`;
const isOpen = (channel) => state.layout.left === channel.id || state.layout.right === channel.id;

function isUnread(channel) {
  const read = state.read.get(key(channel.id));
  return Boolean(channel.last) && !isOpen(channel) && (read === undefined || compareIds(channel.last, read) > 0);
}

/** Messages in an open channel, and those that existed when somebody arrived, are read. */
function noteRead() {
  const first = !greeted.has(state.world.me);
  greeted.add(state.world.me);
  for (const channel of index.channels.values()) {
    if (first || isOpen(channel)) state.read.set(key(channel.id), channel.last ?? "0");
  }
}

function draw() {
  if (!state.world) return;
  if (state.world.me === state.layout.as) noteRead();
  const left = index.channels.get(state.layout.left);
  if (left && draw.left !== left.id) home = left.guild ?? "direct";
  draw.left = left?.id;
  if (home !== "direct" && !index.guilds.has(home)) home = state.world.guilds[0]?.id ?? (state.world.direct.length > 0 ? "direct" : null);
  drawRail();
  drawSide();
}

function drawRail() {
  const server = (guild) => {
    const unread = guild.channels.some(isUnread);
    return h(
      "li",
      { "data-key": guild.id },
      h("button", { class: "server", type: "button", "aria-current": home === guild.id ? "true" : null, title: guild.name, "aria-label": unread ? `${guild.name}, something new` : guild.name, onclick: () => tell("server", guild.id) }, emblem(guild.name), unread && h("span", { class: "new-dot" })),
    );
  };
  const direct = state.world.direct.length > 0 && h("li", {}, h("button", { class: "server direct", type: "button", "aria-current": home === "direct" ? "true" : null, title: "Direct messages", "aria-label": "Direct messages", onclick: () => tell("go", { channel: state.world.direct[0].id }) }, h("span", { class: "emblem" }, icon("direct")), state.world.direct.some(isUnread) && h("span", { class: "new-dot" })));
  const theme = document.documentElement.dataset.theme === "dark" ? "sun" : "moon";
  fill(
    rail,
    h("ul", { class: "servers", "aria-label": "Servers" }, direct, state.world.guilds.map(server)),
    h(
      "div",
      { class: "rail-foot" },
      h("button", { class: "icon-button", type: "button", "aria-label": "Search channels", title: "Search channels (Ctrl+K)", onclick: () => tell("switcher", {}) }, icon("search")),
      h("button", { class: "icon-button", type: "button", "aria-label": "Keyboard shortcuts", title: "Keyboard shortcuts (Ctrl+/)", onclick: () => tell("shortcuts") }, icon("keyboard")),
      h("button", { class: "icon-button", type: "button", id: "theme", "aria-label": "Switch between light and dark", title: "Switch between light and dark", onclick: () => (window.switchTheme(), draw()) }, icon(theme)),
    ),
  );
}

function drawSide() {
  const guild = index.guilds.get(home);
  const title = guild?.name ?? (home === "direct" ? "Direct messages" : "No server");
  fill(side, h("h1", { class: "side-title" }, title), h("nav", { class: "channels", "aria-label": `Channels of ${title}` }, guild ? tree(guild) : h("ul", {}, state.world.direct.map((channel) => entry(channel)))), botLine(), me());
}

/** Categories with their channels; a channel's open threads below it. */
function tree(guild) {
  const groups = new Map();
  for (const { channel, category } of orderedChannels(guild)) {
    const parent = index.channels.get(channel.parent);
    const hidden = isThread(channel) && !isOpen(channel) && (channel.thread.archived || parent?.type === 15 || parent?.type === 16);
    if (!groups.has(category)) groups.set(category, []);
    if (!hidden) groups.get(category).push(channel);
  }
  return [...groups].map(([category, channels]) => {
    if (!category) return h("ul", { "data-key": "none" }, channels.map(entry));
    const shut = folded.has(category.id);
    const fold = () => {
      if (!folded.delete(category.id)) folded.add(category.id);
      draw();
    };
    const shown = shut ? channels.filter((channel) => isOpen(channel) || isUnread(channel)) : channels;
    return h("div", { class: "category", "data-key": category.id }, h("button", { class: "category-name", type: "button", "aria-expanded": String(!shut), onclick: fold }, icon("chevron"), category.name), h("ul", {}, shown.map(entry)));
  });
}

function entry(channel) {
  const name = channelName(channel);
  const unread = isUnread(channel);
  const go = (event) => tell("go", { channel: channel.id, beside: event.ctrlKey || event.metaKey || event.altKey });
  const aside = (event) => {
    if (event.button === 1) tell("go", { channel: channel.id, beside: true });
  };
  const where = state.layout.left === channel.id ? "left" : state.layout.right === channel.id ? "right" : null;
  const kind = { 5: "announcement channel", 15: "forum", 16: "media channel", 2: "voice channel", 13: "stage" }[channel.type] ?? (isThread(channel) ? "thread" : "text channel");
  return h(
    "li",
    { "data-key": channel.id, class: ["channel", isThread(channel) && "thread", unread && "unread", where && "open", where].filter(Boolean).join(" ") },
    h("button", { class: "channel-name", type: "button", "aria-current": where ? "true" : null, "aria-label": `${name}, ${kind}${channel.private ? ", private" : ""}${unread ? ", something new" : ""}`, onclick: go, onauxclick: aside, "data-channel": channel.id }, icon(channelIcon(channel)), h("span", {}, name), channel.private && h("span", { class: "private", title: "Not everyone sees this channel" }, icon("lock"))),
    h("button", { class: "icon-button beside", type: "button", "aria-label": `Open ${name} beside`, title: "Open beside (Ctrl+click)", onclick: () => tell("go", { channel: channel.id, beside: true }) }, icon("beside")),
  );
}

/** The bot's state, and what goes wrong on purpose. Opens the panel that causes faults. */
function botLine() {
  const status = state.status;
  if (!status) return null;
  const name = nameOf(state.world.bot);
  const says = !state.online ? "The sandbox is gone" : status.connected ? "connected" : status.reachable ? "not connected" : "kept away";
  const mood = state.online && status.connected ? "good" : "bad";
  const faults = status.faults.length;
  return h(
    "button",
    { class: "bot-line", type: "button", id: "faults-button", "aria-label": `${name} is ${says}; ${status.requests} requests; cause faults`, title: "What goes on between the bot and Discord, and what goes wrong", onclick: () => tell("faults") },
    h("span", { class: `lamp ${mood}` }),
    h("span", { class: "bot-text" }, h("span", { class: "bot-name" }, name, h("span", { class: "badge" }, "APP")), h("span", { class: "faint" }, says)),
    faults > 0 && h("span", { class: "fault-count" }, faults === 1 ? "1 fault" : `${faults} faults`),
    icon("bolt"),
  );
}

function me() {
  const id = state.layout.as;
  const name = nameOf(id, home);
  const here = state.world.people.find((person) => person.id === id)?.in.find((one) => one.name === index.guilds.get(home)?.name);
  return h(
    "button",
    { class: "me", type: "button", id: "me", "aria-haspopup": "menu", "aria-label": `You are ${name}. Be somebody else`, title: "Be somebody else", onclick: (event) => choosePerson(event.currentTarget) },
    avatar(name, "middle"),
    h("span", { class: "me-text" }, h("span", { class: "me-name" }, name), h("span", { class: "faint" }, here?.role ?? "you")),
    icon("swap"),
  );
}

/** All people of all servers: you can be any of them. */
function choosePerson(anchor) {
  const rank = (person) => (person.in.every((one) => one.role === "owner") ? 1 : 0);
  const people = [...state.world.people].sort((a, b) => rank(a) - rank(b));
  const items = people.map((person) => {
    const name = nameOf(person.id);
    const detail = person.in.map((one) => `${one.name}: ${one.role}`).join(" · ");
    return { name, detail, picture: avatar(name, "small"), checked: person.id === state.layout.as, run: () => tell("be", person.id) };
  });
  openMenu(anchor, "Who you are", [{ heading: "Who you are" }, ...items], { align: "start", above: true });
}
