// Mentions as people type them, and as Discord sends them.

import { channelName, index, nameOf } from "./state.js";

/** `@Alice` and `#dev` become marks; code stays as it is. */
export function encode(text, guild) {
  const marks = known(guild);
  return text
    .split(/(```[\s\S]*?```|`[^`]*`)/)
    .map((part, at) => (at % 2 === 1 ? part : marks.reduce((part, [typed, mark]) => replaceWhole(part, typed, mark), part)))
    .join("");
}

/** Marks become what people type, to edit a message. */
export function decode(text, guild) {
  return known(guild).reduce((text, [typed, mark]) => text.replaceAll(mark, typed), text);
}

/** The longest first, because one name may begin with another. */
function known(guild) {
  const of = index.guilds.get(guild);
  if (!of) return [];
  const channels = of.channels.filter((channel) => channel.type !== 4).map((channel) => [`#${channelName(channel)}`, `<#${channel.id}>`]);
  const people = of.members.map((member) => [`@${nameOf(member.id, guild)}`, `<@${member.id}>`]);
  const roles = of.roles.filter((role) => role.name !== "@everyone").map((role) => [`@${role.name}`, `<@&${role.id}>`]);
  return [...people, ...roles, ...channels].sort(([a], [b]) => b.length - a.length);
}

/** Replaces a text wherever it is a separate word. */
function replaceWhole(text, typed, mark) {
  const escaped = typed.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return text.replace(new RegExp(`(?<![\\w<@#])${escaped}(?![\\w-])`, "g"), () => mark);
}
