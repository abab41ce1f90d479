// The forms that bots open (Discord calls them modals).

import { act } from "./link.js";
import { freshId, h } from "./dom.js";
import { openDialog } from "./dialog.js";
import { markdown } from "./markdown.js";
import { select } from "./select.js";
import { index, state } from "./state.js";

/** Opens the form that a bot answered with. */
export function openForm({ modal, interaction }) {
  const values = new Map();
  const channel = index.channels.get(state.layout.left) ?? { guild: null };
  const body = modal.components.map((one) => field(one, values, channel));
  const submit = async () => {
    const missing = [...values.values()].find((value) => value.required && value.get().every((one) => one === ""));
    if (missing) throw new Error(`“${missing.name}” is required.`);
    const answer = await act("submit", { interaction, values: [...values].map(([id, value]) => [id, value.get()]) });
    if (answer.modal) openForm(answer);
  };
  const dialog = openDialog({ title: modal.title, body, submit, send: "Submit", kind: "form" });
  dialog.querySelector("input, textarea, .select")?.focus();
}

/** A row (1) or label (18) around one field, or a text between them (10). */
function field(of, values, channel) {
  if (of.type === 10) return h("div", { class: "text" }, markdown(of.content, channel.guild));
  const inner = of.type === 18 ? of.component : of.components?.[0];
  if (!inner) return null;
  const name = of.label ?? inner.label ?? inner.placeholder ?? inner.custom_id;
  const id = freshId("field");
  const required = inner.required !== false;
  const control = inner.type === 4 ? text(inner, id, name, values, required) : choice(inner, name, values, channel, required);
  return h("div", { class: "field-box" }, h("label", { for: id }, name, required && h("span", { class: "required", title: "Required" }, " *")), of.description && h("p", { class: "faint" }, of.description), control);
}

function text(of, id, name, values, required) {
  const long = of.style === 2;
  const input = h(long ? "textarea" : "input", {
    id, class: "field-input", placeholder: of.placeholder, minlength: of.min_length, maxlength: of.max_length ?? 4000, required, rows: long ? "5" : null, type: long ? null : "text", autocomplete: "off", "data-custom-id": of.custom_id, value: of.value ?? "",
  });
  values.set(of.custom_id, { name, required, get: () => [input.value] });
  return input;
}

function choice(of, name, values, channel, required) {
  let chosen = (of.options ?? []).filter((option) => option.default).map((option) => option.value);
  if (of.default_values) chosen = of.default_values.map((value) => value.id);
  const box = h("div");
  const draw = () => box.replaceChildren(select({ ...of, placeholder: of.placeholder ?? name, min_values: required ? (of.min_values ?? 1) : 0 }, channel, { chosen, choose: (picked) => { chosen = picked; draw(); box.firstChild.focus(); } }));
  draw();
  values.set(of.custom_id, { name, required, get: () => chosen });
  return box;
}
