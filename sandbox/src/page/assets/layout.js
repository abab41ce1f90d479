// What is shown where, and to whom. It is kept in the address, so that a link opens the same view.

import { want } from "./link.js";
import { orderedChannels } from "./offers.js";
import { index, on, state, tell } from "./state.js";

/** The last channel that was viewed, by person and server. */
const last = new Map();

export function startLayout() {
  read();
  addEventListener("popstate", () => (read(), settle(), apply()));
  on("world", () => settle() && apply());
  on("go", go);
  on("close", close);
  on("be", be);
  on("server", toServer);
  on("show", ({ channel, message, side, from }) => tell("show-in", { side: side ?? sideOf(from) ?? sideShowing(channel), message }));
}

function read() {
  const given = new URLSearchParams(location.hash.slice(1));
  state.layout = { as: given.get("as"), left: given.get("left"), right: given.get("right") };
}

function write(replace) {
  const hash = new URLSearchParams();
  for (const [name, value] of Object.entries(state.layout)) if (value) hash.set(name, value);
  const address = `#${hash}`;
  if (address === location.hash) return;
  if (replace) history.replaceState(null, "", address);
  else history.pushState(null, "", address);
}

/** Corrects what doesn't exist: an unknown person, channels that are gone. Returns whether anything changed. */
function settle() {
  const { world, layout } = state;
  if (!world) return false;
  const before = JSON.stringify(layout);
  if (!world.people.some((person) => person.id === layout.as)) layout.as = firstPerson(world);
  if (world.me === layout.as) {
    if (layout.right && !index.channels.has(layout.right)) layout.right = null;
    if (!index.channels.has(layout.left)) layout.left = layout.right ?? firstChannel(world.guilds[0]);
    if (layout.left === layout.right) layout.right = null;
  }
  return before !== JSON.stringify(layout);
}

/** An admin is more useful than an owner whom nobody has met. */
function firstPerson(world) {
  const fits = world.people.find((person) => person.in.some((one) => one.role === "admin"));
  return (fits ?? world.people[0])?.id ?? null;
}

function firstChannel(guild) {
  if (!guild) return state.world.direct[0]?.id ?? null;
  const all = orderedChannels(guild).map(({ channel }) => channel);
  return (all.find((channel) => channel.type === 0) ?? all[0])?.id ?? null;
}

function apply(replace = true) {
  write(replace);
  want();
  tell("layout");
}

/** Opens a channel on the side that is asked for, or on the left. */
function go({ channel, message, beside = false, side, from }) {
  const { layout } = state;
  if (!index.channels.has(channel) && channel !== layout.right) {
    // It may be so new that it isn't known yet.
    if (!go.waiting) {
      go.waiting = on("world", () => {
        if (!index.channels.has(channel)) return;
        go.waiting();
        go.waiting = null;
        go({ channel, message, beside, side, from });
      });
    }
    return;
  }
  let at = side ?? (beside ? "right" : (sideOf(from) ?? "left"));
  if (layout.left === channel) at = "left";
  else if (layout.right === channel && !side) at = "right";
  if (at === "left" && layout.right === channel) layout.right = null;
  layout[at] = channel;
  const guild = index.channels.get(channel)?.guild;
  if (at === "left") last.set(`${layout.as} ${guild}`, channel);
  apply(false);
  tell("went", { side: at });
  if (message) tell("show-in", { side: at, message });
}

/** A link within a channel leads to the same side; a click elsewhere to the left. */
const sideOf = (element) => element?.closest?.("[data-side]")?.dataset.side;
const sideShowing = (channel) => (state.layout.right === channel ? "right" : "left");

function close(side) {
  const { layout } = state;
  if (side === "left") layout.left = layout.right;
  layout.right = null;
  apply(false);
}

function be(person) {
  if (person === state.layout.as) return;
  state.layout.as = person;
  state.channels.clear();
  apply(false);
}

function toServer(guild) {
  const known = last.get(`${state.layout.as} ${guild}`);
  const channel = index.channels.has(known) ? known : firstChannel(index.guilds.get(guild));
  // A server whose channels are all hidden from this person still has a list, if an empty one.
  if (channel) go({ channel, side: "left" });
  tell("home", guild);
}

/** The channel above or below the one on the left, as the list shows them. */
export function step(by) {
  const all = [...document.querySelectorAll("#side [data-channel]")].map((button) => button.dataset.channel);
  const at = all.indexOf(state.layout.left);
  const to = all[(at + by + all.length) % all.length];
  if (to) go({ channel: to, side: "left" });
}
