// The page: puts the parts together, and knows the keys that work everywhere.

import { h } from "./dom.js";
import { startFaults } from "./faults.js";
import { startLayout, step } from "./layout.js";
import { connect } from "./link.js";
import { placeOf } from "./mention.js";
import { authorName } from "./message.js";
import { Pane } from "./pane.js";
import { startSidebar } from "./sidebar.js";
import { channelName, index, on, state, tell } from "./state.js";
import { startSwitcher } from "./switcher.js";
import { keepCurrent } from "./time.js";

const app = document.querySelector("#app");
const panes = { left: new Pane("left"), right: new Pane("right") };
const tabs = h("div", { id: "tabs", role: "group", "aria-label": "Which channel to see", hidden: true });
document.querySelector("#panes").append(tabs, panes.left.element, panes.right.element);
const live = document.querySelector("#live");
let active = "left";

startSidebar();
startFaults();
startSwitcher();
startLayout();
keepCurrent();
connect();

on("active", (side) => (active = side));
on("show-in", ({ side, message }) => panes[side].showMessage(message));
on("announce", say);

// Which side a narrow screen shows ---------------------------------------------

function front(side) {
  app.dataset.front = side;
  drawTabs();
}

function drawTabs() {
  const both = Boolean(state.layout.right);
  tabs.hidden = !both;
  if (!both) app.dataset.front = "left";
  const tab = (side) => h("button", { type: "button", "aria-pressed": String(app.dataset.front === side), onclick: () => front(side) }, `#${channelName(index.channels.get(state.layout[side]) ?? { name: "…" })}`);
  tabs.replaceChildren(...(both && state.world ? [tab("left"), tab("right")] : []));
}

on("world layout", () => {
  app.dataset.panes = state.layout.right ? "2" : "1";
  drawTabs();
  const left = index.channels.get(state.layout.left);
  document.title = left ? `#${channelName(left)} · Discord on loopback` : "Discord on loopback";
});
on("went", ({ side }) => {
  front(side);
  closeDrawer();
  if (!matchMedia("(pointer: coarse)").matches) panes[side].composer?.focus();
});

// The list of channels, on a narrow screen ---------------------------------------

const shade = document.querySelector("#shade");
shade.onclick = closeDrawer;
// The panel for faults is opened from the list, and also covers a narrow screen.
on("faults", closeDrawer);
on("drawer", () => {
  app.classList.add("drawer");
  document.querySelector("#side button")?.focus();
});
function closeDrawer() {
  app.classList.remove("drawer");
}

// Whether the sandbox is running ------------------------------------------------

const gone = document.querySelector("#gone");
let patience;
on("online", () => {
  clearTimeout(patience);
  if (state.online) gone.hidden = true;
  else patience = setTimeout(() => (gone.hidden = false), 600);
});

// Screen readers read new messages -----------------------------------------------------

on("messages", ({ channel, arrived = [] }) => {
  const of = index.channels.get(channel);
  const message = arrived.at(-1);
  if (!of || !message || message.author.id === state.layout.as) return;
  const [embed] = message.embeds;
  const text = message.content || embed?.title || embed?.description || (message.thinking ? "is thinking" : "something without text");
  say(`${authorName(message.author, of.guild)} in ${channelName(of)}: ${text}`);
});

function say(text) {
  live.textContent = text;
}

// Links to Discord's channels open here -------------------------------------------

document.addEventListener("click", (event) => {
  const anchor = event.target.closest?.("a[href]");
  const place = anchor && !event.defaultPrevented && placeOf(anchor.href);
  if (!place) return;
  event.preventDefault();
  tell("go", { ...place, beside: event.ctrlKey || event.metaKey || event.altKey, from: anchor });
});

// Keys -----------------------------------------------------------------------

document.addEventListener("keydown", (event) => {
  const command = event.ctrlKey || event.metaKey;
  if (command && event.key.toLowerCase() === "k") tell("switcher", {});
  else if (command && event.key === "/") tell("shortcuts");
  else if (event.altKey && !command && event.key === "ArrowDown") step(1);
  else if (event.altKey && !command && event.key === "ArrowUp") step(-1);
  else if (event.key === "Escape" && app.classList.contains("drawer")) closeDrawer();
  else if (writes(event)) return void panes[active].composer?.focus();
  else return;
  event.preventDefault();
});

/** Typing anywhere writes into the open channel. */
function writes(event) {
  const bare = !event.ctrlKey && !event.metaKey && !event.altKey && event.key.length === 1 && event.key !== " ";
  return bare && document.activeElement === document.body && !document.querySelector("dialog[open]");
}
