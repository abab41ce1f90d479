// The connection to the sandbox: what it pushes, and the actions that are sent to it.

import { setWorld, state, tell } from "./state.js";

/** How many messages are shown at first, and how many more each time. */
export const PAGE = 60;

let socket = null;
let pause = 250;
const limits = new Map();

/** Connects, and stays connected. */
export function connect() {
  socket = new WebSocket(`ws://${location.host}/live`);
  socket.onopen = () => {
    pause = 250;
    state.online = true;
    tell("online");
    want();
  };
  socket.onmessage = (event) => receive(JSON.parse(event.data));
  socket.onclose = () => {
    state.online = false;
    tell("online");
    setTimeout(connect, pause);
    pause = Math.min(pause * 2, 4000);
  };
}

/** Tells the sandbox who looks at what. */
export function want() {
  const { as, left, right } = state.layout;
  const open = [...new Set([left, right].filter(Boolean))];
  for (const id of [...state.channels.keys()]) if (!open.includes(id)) state.channels.delete(id);
  if (socket?.readyState !== WebSocket.OPEN) return;
  const channels = open.map((id) => ({ id, limit: limits.get(id) ?? PAGE }));
  socket.send(JSON.stringify({ as: as ?? "0", channels }));
}

/** Asks for older messages of a channel. */
export function wantMore(channel) {
  limits.set(channel, (limits.get(channel) ?? PAGE) + 100);
  want();
}

function receive(update) {
  if (update.kind === "world") {
    setWorld(update);
  } else if (update.kind === "status") {
    state.status = update;
    tell("status");
  } else if (update.kind === "closed") {
    state.channels.delete(update.channel);
    tell("messages", { channel: update.channel, closed: true });
  } else if (update.kind === "messages") {
    const known = state.channels.get(update.channel);
    const fresh = update.fresh || !known;
    const messages = fresh ? new Map() : known.messages;
    const before = new Map(messages);
    for (const id of update.gone) messages.delete(id);
    for (const message of update.put) messages.set(message.id, message);
    const sorted = [...messages.entries()].sort(([a], [b]) => compareIds(a, b));
    state.channels.set(update.channel, { messages: new Map(sorted), more: update.more });
    // A slow answer arrives when it replaces "thinking".
    const isNew = (message) => !before.has(message.id) || (before.get(message.id).thinking && !message.thinking);
    const arrived = fresh ? [] : update.put.filter(isNew);
    tell("messages", { channel: update.channel, fresh, arrived });
  }
}

/** Ids are too large for JavaScript's numbers. */
export const compareIds = (a, b) => a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);

/** Does something as the chosen person. Throws an error with a sentence if it is refused. */
export async function act(what, details = {}, files = []) {
  const body = { as: state.layout.as, do: what, ...details };
  let request = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  if (files.length > 0) {
    const form = new FormData();
    form.append("act", JSON.stringify(body));
    for (const file of files) form.append("file", file, file.name);
    request = { method: "POST", body: form };
  }
  let answer;
  try {
    answer = await fetch(files.length > 0 ? "/upload" : "/act", request);
  } catch {
    throw new Error("The sandbox can't be reached. Does it still run?");
  }
  if (answer.status === 413) throw new Error("Your files are too powerful: 100 MB is the most that fits.");
  if (!answer.ok) throw new Error(await answer.text());
  const result = await answer.json();
  if (result.error) throw Object.assign(new Error(result.error), { unanswered: result.unanswered });
  return result;
}
