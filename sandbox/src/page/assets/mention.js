// Marks in angle brackets: people, roles, channels, times, emoji, commands.

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { channelIcon, channelName, index, nameOf, tell } from "./state.js";
import { fullOf, styled } from "./time.js";

/** What `<…>` means in this server. */
export function mention(mark, guild) {
  const inner = mark.slice(1, -1);
  const time = /^t:(-?\d+)(?::(\w))?$/.exec(inner);
  if (time) return moment(Number(time[1]), time[2]);
  const user = /^@!?(\d+)$/.exec(inner);
  if (user) return h("span", { class: "mention", "data-person": user[1] }, `@${nameOf(user[1], guild)}`);
  const role = /^@&(\d+)$/.exec(inner);
  if (role) return h("span", { class: "mention" }, `@${roleName(role[1])}`);
  const channel = /^#(\d+)$/.exec(inner);
  if (channel) return channelMention(channel[1]);
  const emoji = /^a?:(\w+):\d+$/.exec(inner);
  if (emoji) return h("span", { class: "custom-emoji", title: `:${emoji[1]}:` }, `:${emoji[1]}:`);
  const command = /^\/([^:]+):\d+$/.exec(inner);
  if (command) return h("span", { class: "mention" }, `/${command[1]}`);
  return h("span", { class: "mention" }, inner);
}

function moment(seconds, style) {
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return h("span", {}, "Invalid date");
  return h("time", { class: "moment", datetime: date.toISOString(), title: fullOf(date), "data-relative": style === "R" }, styled(date, style));
}

function roleName(id) {
  for (const guild of index.guilds.values()) {
    const role = guild.roles.find((role) => role.id === id);
    if (role) return role.name.replace(/^@/, "");
  }
  return "deleted-role";
}

/** A channel that can be clicked, as long as the person sees it. */
export function channelMention(id) {
  const channel = index.channels.get(id);
  if (!channel) return h("span", { class: "mention" }, "# No access");
  const onclick = (event) => tell("go", { channel: id, beside: event.ctrlKey || event.metaKey || event.altKey, from: event.currentTarget });
  return h("button", { class: "mention", type: "button", onclick }, icon(channelIcon(channel)), channelName(channel));
}

/** The channel and message that a link to Discord leads to, if the person sees them. */
export function placeOf(url) {
  const found = /^https?:\/\/(?:\w+\.)?discord(?:app)?\.com\/channels\/(?:\d+|@me)\/(\d+)(?:\/(\d+))?\/?$/.exec(url);
  if (!found || !index.channels.has(found[1])) return null;
  return { channel: found[1], message: found[2] };
}
