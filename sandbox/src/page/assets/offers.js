// What can be picked in a server: channels, people, roles.

import { avatar } from "./avatar.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { channelIcon, channelName, index, isThread, nameOf, state } from "./state.js";

/** The channels of a server in the order of the list, threads below theirs. */
export function orderedChannels(guild) {
  const all = guild.channels;
  const by = (list) => [...list].sort((a, b) => a.position - b.position || a.id.length - b.id.length || (a.id < b.id ? -1 : 1));
  const below = (parent) => by(all.filter((channel) => channel.parent === parent.id && isThread(channel)));
  const within = (parent) => by(all.filter((channel) => channel.parent === parent && channel.type !== 4 && !isThread(channel))).flatMap((channel) => [channel, ...below(channel)]);
  const categories = by(all.filter((channel) => channel.type === 4));
  return [...within(null).map((channel) => ({ channel, category: null })), ...categories.flatMap((category) => within(category.id).map((channel) => ({ channel, category })))];
}

export function channelItems(guild, types) {
  const fits = (channel) => !types?.length || types.includes(channel.type);
  const all = guild ? orderedChannels(guild).map(({ channel }) => channel) : [];
  const categories = guild?.channels.filter((channel) => channel.type === 4) ?? [];
  return [...all, ...categories].filter(fits).map((channel) => ({ value: channel.id, name: channelName(channel), picture: icon(channelIcon(channel)), detail: parentName(channel) }));
}

const parentName = (channel) => (channel.parent && index.channels.get(channel.parent)?.name) || null;

export function userItems(guild) {
  const ids = guild ? guild.members.map((member) => member.id) : [state.world.bot, state.layout.as];
  return ids.map((id) => {
    const name = nameOf(id, guild?.id);
    const user = index.users.get(id);
    return { value: id, name, also: [user?.username ?? ""], picture: avatar(name, "tiny"), detail: user?.username };
  });
}

export function roleItems(guild) {
  return (guild?.roles ?? []).map((role) => ({ value: role.id, name: role.name.replace(/^@/, ""), picture: h("span", { class: "role-sign", "aria-hidden": "true" }, "@"), detail: "Role" }));
}

/** For a select of a message or form, or an option of a command: what Discord offers for this type. */
export function offersFor(kind, guild, channelTypes) {
  if (kind === "channel") return channelItems(guild, channelTypes);
  if (kind === "user") return userItems(guild);
  if (kind === "role") return roleItems(guild);
  return [...userItems(guild), ...roleItems(guild)];
}
