// What the page knows, and notifications for whoever shows it.

export const state = {
  /** What this person sees: servers, channels, people. */
  world: null,
  /** The state between the bot and Discord. */
  status: null,
  /** By channel: its messages by id, oldest first, and whether there are older ones. */
  channels: new Map(),
  /** The layout: who looks, and the channels side by side. */
  layout: { as: null, left: null, right: null },
  /** By channel: the last message that was read. */
  read: new Map(),
  /** Whether the page is connected to the sandbox. */
  online: false,
};

const listeners = new Map();

/** Calls `listener` whenever one of these topics changes. Returns a function that stops that. */
export function on(topics, listener) {
  for (const topic of topics.split(" ")) {
    if (!listeners.has(topic)) listeners.set(topic, new Set());
    listeners.get(topic).add(listener);
  }
  return () => topics.split(" ").forEach((topic) => listeners.get(topic).delete(listener));
}

export function tell(topic, detail) {
  for (const listener of [...(listeners.get(topic) ?? [])]) listener(detail);
}

/** By id, rebuilt with each new world. */
export const index = { users: new Map(), channels: new Map(), guilds: new Map(), nicks: new Map(), names: "" };

export function setWorld(world) {
  state.world = world;
  index.users = new Map(world.users.map((user) => [user.id, user]));
  index.guilds = new Map(world.guilds.map((guild) => [guild.id, guild]));
  index.channels = new Map([...world.guilds.flatMap((guild) => guild.channels), ...world.direct].map((channel) => [channel.id, channel]));
  index.nicks = new Map(
    world.guilds.flatMap((guild) => guild.members.filter((member) => member.nick).map((member) => [`${guild.id}/${member.id}`, member.nick])),
  );
  // Messages name people, roles and channels: only when one of those changes must they be drawn again.
  const threads = [...index.channels.values()].map((channel) => [channel.id, channel.name, channel.may, channel.thread?.count]);
  index.names = JSON.stringify([world.me, world.users, [...index.nicks], world.guilds.map((guild) => guild.roles), threads]);
  tell("world");
}

/** The name that people see next to somebody's messages in a server. */
export function nameOf(user, guild) {
  return index.nicks.get(`${guild}/${user}`) ?? index.users.get(user)?.name ?? "Deleted User";
}

export const THREADS = [10, 11, 12];
export const FORUMS = [15, 16];
export const isThread = (channel) => THREADS.includes(channel.type);
export const isForum = (channel) => FORUMS.includes(channel.type);

/** A channel's name as people refer to it. */
export function channelName(channel) {
  if (channel.type === 1) return nameOf(state.world.bot);
  return channel.name;
}

const KINDS = { 1: "direct", 2: "voice", 5: "announce", 10: "thread", 11: "thread", 12: "thread", 13: "stage", 15: "forum", 16: "forum" };
export const channelIcon = (channel) => KINDS[channel.type] ?? "hash";
