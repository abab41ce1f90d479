// Components of messages: buttons, selects, and the layouts of Components V2.

import { act } from "./link.js";
import { h } from "./dom.js";
import { icon } from "./icons.js";
import { picture, resolve, attachments } from "./files.js";
import { markdown } from "./markdown.js";
import { openForm } from "./form.js";
import { select } from "./select.js";
import { tell } from "./state.js";

/** What is being waited for, and what failed, by message. The next use clears both. */
const waiting = new Map();
const failures = new Map();

/** The components of a message in a channel. */
export function components(list, message, channel) {
  if (!list?.length) return null;
  const context = { message, channel, guild: channel.guild, files: message.files };
  const failure = failures.get(message.id);
  return h("div", { class: "components" }, list.map((one) => component(one, context)), failure && h("p", { class: "failure", role: "alert" }, icon("warning"), failure));
}

/** Uses a component. The bot answers with a form, or with messages that arrive by themselves. */
async function use(context, custom_id, what, details = {}) {
  const { message, channel } = context;
  waiting.set(message.id, custom_id);
  failures.delete(message.id);
  tell("redraw", message.id);
  try {
    const answer = await act(what, { channel: channel.id, message: message.id, custom_id, ...details });
    if (answer.modal) openForm(answer);
  } catch (error) {
    failures.set(message.id, error.message);
  }
  waiting.delete(message.id);
  tell("redraw", message.id);
}

function component(of, context) {
  const below = (list) => (list ?? []).map((one) => component(one, context));
  switch (of.type) {
    case 1:
      return h("div", { class: "row" }, below(of.components));
    case 2:
      return button(of, context);
    case 3: case 5: case 6: case 7: case 8: {
      const busy = waiting.get(context.message.id) === of.custom_id;
      return select(of, context.channel, { busy, choose: (values) => use(context, of.custom_id, "select", { values }) });
    }
    case 9:
      return h("div", { class: "section" }, h("div", { class: "section-text" }, below(of.components)), of.accessory && component(of.accessory, context));
    case 10:
      return h("div", { class: "text" }, markdown(of.content, context.guild));
    case 11:
      return h("div", { class: "thumbnail" }, hidden(of.spoiler, picture(resolve(of.media?.url, context.files), of.description ?? "Thumbnail")));
    case 12: {
      const pictures = (of.items ?? []).map((item) => hidden(item.spoiler, picture(resolve(item.media?.url, context.files), item.description ?? "Picture")));
      return h("div", { class: `pictures count-${Math.min(pictures.length, 4)}` }, pictures);
    }
    case 13:
      return attachments(context.files.filter((file) => of.file?.url === `attachment://${file.name}`));
    case 14:
      return h("hr", { class: `${of.divider === false ? "space" : ""} ${of.spacing === 2 ? "large" : ""}` });
    case 17: {
      const box = h("div", { class: "container" }, below(of.components));
      if (Number.isInteger(of.accent_color)) box.style.setProperty("--bar", `#${of.accent_color.toString(16).padStart(6, "0")}`);
      return hidden(of.spoiler, box);
    }
    default:
      return h("p", { class: "faint" }, `A component of type ${of.type}, which this page doesn't show`);
  }
}

function hidden(spoiler, element) {
  if (!spoiler || !element) return element;
  const cover = h("button", { class: "cover", type: "button", onclick: () => cover.replaceWith(element) }, "Spoiler: show it");
  return cover;
}

const STYLES = { 1: "primary", 2: "secondary", 3: "success", 4: "danger", 5: "secondary", 6: "primary" };

function button(of, context) {
  const emoji = of.emoji?.id ? h("span", { class: "custom-emoji" }, `:${of.emoji.name}:`) : of.emoji?.name && h("span", { class: "emoji" }, of.emoji.name);
  const label = [emoji, of.label && h("span", {}, of.label)];
  const name = of.label ? null : of.emoji?.name ?? "Button";
  if (of.style === 5) {
    if (of.disabled || !/^https?:\/\//.test(of.url ?? "")) return h("span", { class: "button secondary disabled", "aria-disabled": "true" }, label, icon("external"));
    return h("a", { class: "button secondary", href: of.url, target: "_blank", rel: "noopener noreferrer", "aria-label": name }, label, icon("external"));
  }
  const busy = waiting.get(context.message.id) === of.custom_id;
  const press = () => !busy && use(context, of.custom_id, "press");
  return h(
    "button",
    { class: `button ${STYLES[of.style] ?? "secondary"}${busy ? " busy" : ""}`, type: "button", disabled: of.disabled === true, "aria-label": name, "aria-busy": busy ? "true" : null, "data-custom-id": of.custom_id, onclick: press },
    label,
  );
}
