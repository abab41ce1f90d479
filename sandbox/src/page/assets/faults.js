// The panel that makes things go wrong between the bot and Discord, and shows what does.

import { act } from "./link.js";
import { fill, h } from "./dom.js";
import { icon } from "./icons.js";
import { channelName, index, nameOf, on, state } from "./state.js";

const panel = document.querySelector("#faults");
let problem = "";

export function startFaults() {
  on("status world layout", draw);
  on("faults", () => toggle(panel.hidden));
  panel.onkeydown = (event) => {
    if (event.key === "Escape") toggle(false);
  };
}

function toggle(open) {
  panel.hidden = !open;
  document.querySelector("#app").dataset.faults = open ? "open" : "closed";
  document.querySelector("#faults-button")?.setAttribute("aria-expanded", String(open));
  draw();
  if (open) panel.querySelector("button, input")?.focus();
  else document.querySelector("#faults-button")?.focus();
}

async function cause(what, details = {}) {
  try {
    problem = "";
    await act(what, details);
  } catch (error) {
    problem = error.message;
  }
  draw();
}

function draw() {
  if (panel.hidden || !state.status || !state.world) return;
  const { status } = state;
  fill(
    panel,
    h("header", {}, h("h2", {}, "Faults"), h("button", { class: "icon-button", type: "button", "aria-label": "Close", onclick: () => toggle(false) }, icon("close"))),
    h("p", { class: "faint" }, `Let things go wrong between ${nameOf(state.world.bot)} and Discord, and see how it copes.`),
    problem && h("p", { class: "failure", role: "alert" }, icon("warning"), problem),
    figures(status),
    now(status),
    latency(status),
    failures(),
    gateway(),
    webhooks(),
  );
}

function figures(status) {
  const figure = (name, value, bad = false) => h("div", { class: bad && value > 0 ? "figure bad" : "figure" }, h("dt", {}, name), h("dd", {}, String(value)));
  return h(
    "dl",
    { class: "figures" },
    figure("Gateway", status.connected ? "connected" : "disconnected"),
    figure("Requests", status.requests),
    figure("Rate limited (429)", status.rate_limited, true),
    figure("Invalid (401, 403, 429)", status.invalid, true),
  );
}

function now(status) {
  const row = (fault) => {
    const often = fault.left === null ? `until cleared · struck ${fault.hits} ${fault.hits === 1 ? "time" : "times"}` : `${fault.left} to go`;
    return h("li", { "data-key": fault.id }, h("span", {}, fault.what, h("span", { class: "faint" }, often)), h("button", { class: "icon-button", type: "button", "aria-label": `Clear ${fault.what}`, onclick: () => cause("remove_fault", { id: fault.id }) }, icon("close")));
  };
  const away = !status.reachable && h("li", { "data-key": "away" }, h("span", {}, "The gateway can't be reached", h("span", { class: "faint" }, "for 15 s at most")));
  const none = status.faults.length === 0 && !away;
  return h(
    "section",
    {},
    h("h3", {}, "On now"),
    none ? h("p", { class: "faint" }, "Nothing goes wrong.") : h("ul", { class: "faults-on" }, status.faults.map(row), away),
    !none && h("button", { class: "button secondary small", type: "button", onclick: () => cause("clear_faults") }, "Clear all"),
  );
}

const number = (id, value, max, unit, label) => h("span", { class: "number" }, h("input", { id, type: "number", min: "0", max, value, "aria-label": label, "data-key": id }), h("span", { class: "faint" }, unit));

/** The field shows the current setting, unless somebody is writing in it. */
function latency({ latency }) {
  const set = () => cause("latency", { ms: Number(document.querySelector("#latency").value) || 0 });
  return h(
    "section",
    {},
    h("h3", {}, "Latency"),
    h("form", { class: "fault-row", onsubmit: (event) => (event.preventDefault(), set()) }, number("latency", String(latency), "60000", "ms before each request", "Milliseconds"), h("button", { class: "button secondary small", type: "submit" }, "Set")),
    h("p", { class: "faint", role: "status" }, latency > 0 ? `Each request takes ${latency} ms longer now.` : "No request is slowed down now."),
  );
}

function failures() {
  const choice = (id, label, options) => h("select", { id, "aria-label": label, "data-key": id }, options.map(([value, name]) => h("option", { value }, name)));
  const plant = () => {
    const value = (id) => document.querySelector(`#${id}`).value;
    cause("fail", { how: value("fail-how"), times: Number(value("fail-times")) || 1, at: value("fail-at") });
  };
  return h(
    "section",
    {},
    h("h3", {}, "Failing requests"),
    h(
      "form",
      { class: "fault-row", onsubmit: (event) => (event.preventDefault(), plant()) },
      number("fail-times", "3", "10000", "times", "How many requests"),
      choice("fail-how", "What happens", [["internal_error", "HTTP 500"], ["unavailable", "HTTP 503"], ["rate_limited", "HTTP 429"], ["answer_lost", "the answer is lost"], ["request_lost", "the request is lost"]]),
      choice("fail-at", "Which requests", [["webhooks", "to webhooks"], ["interactions", "answering commands"], ["all", "of all kinds"]]),
      h("button", { class: "button secondary small", type: "submit" }, "Let them fail"),
    ),
  );
}

function gateway() {
  const button = (how, name, title) => h("button", { class: "button secondary small", type: "button", title, onclick: () => cause("gateway", { how }) }, name);
  return h(
    "section",
    {},
    h("h3", {}, "Gateway"),
    h(
      "div",
      { class: "fault-row" },
      button("reconnect", "Ask to reconnect", "Op 7: the bot resumes, without a gap"),
      button("close", "Close", "Close code 4000: the bot resumes"),
      button("break", "Break", "The connection breaks without a word"),
      button("invalid_session", "New session", "Op 9: the bot must identify anew, and what happened meanwhile is not repeated"),
      button("unreachable", "Away for 15 s", "Nobody can connect for 15 seconds"),
    ),
  );
}

/** A moderator deletes webhooks by hand, which breaks whatever posts through them. */
function webhooks() {
  const open = [...new Set([state.layout.left, state.layout.right])].map((id) => index.channels.get(id)).filter(Boolean);
  const rows = open.flatMap((channel) =>
    channel.webhooks.map((hook) => h("li", { "data-key": hook.id }, h("span", {}, hook.name, h("span", { class: "faint" }, `#${channelName(channel)}${hook.follower ? " · channel follower" : ""}`)), h("button", { class: "button danger small", type: "button", "aria-label": `Delete the webhook ${hook.name} of ${channelName(channel)}`, onclick: () => cause("delete_webhook", { channel: channel.id, webhook: hook.id }) }, "Delete"))),
  );
  return h("section", {}, h("h3", {}, "Webhooks of the open channels"), rows.length > 0 ? h("ul", { class: "faults-on hooks" }, rows) : h("p", { class: "faint" }, "They have none."));
}
