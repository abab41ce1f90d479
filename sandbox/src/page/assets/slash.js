// A command being filled in: its options as fields in a line, each with suggestions.

import { act } from "./link.js";
import { fill, freshId, h } from "./dom.js";
import { icon } from "./icons.js";
import { offersFor } from "./offers.js";
import { Picker, fitting } from "./picker.js";
import { index } from "./state.js";

/** How long to wait for the next letter before the bot is asked. */
const DEBOUNCE = 180;
const KINDS = { 6: "user", 7: "channel", 8: "role", 9: "mentionable" };

/** Everything that can be run: commands, and subcommands with their full names. */
export function leaves(commands) {
  const below = (of, name) => {
    const inner = (of.options ?? []).filter((option) => option.type === 1 || option.type === 2);
    if (inner.length === 0) return [{ name, description: of.description, options: of.options ?? [] }];
    return inner.flatMap((option) => below(option, `${name} ${option.name}`));
  };
  return commands.filter((command) => command.type === 1).flatMap((command) => below(command, command.name));
}

export class SlashForm {
  constructor(composer, leaf) {
    this.composer = composer;
    this.leaf = leaf;
    this.fields = [];
    this.hint = h("p", { class: "slash-hint", "aria-live": "polite" });
    this.adder = h("input", { class: "adder", type: "text", size: "14", autocomplete: "off", spellcheck: "false", placeholder: "add an option", "aria-label": "Add an option, or press Enter to run the command" });
    this.picker = new Picker(this.adder, {
      label: "Options", anchor: composer.box, above: true, eager: false,
      source: (query) => (this.rest().length > 0 ? fitting(this.rest(), query) : null),
      pick: (item) => this.add(item.option).focus(),
    });
    this.adder.oninput = () => this.typed();
    this.adder.onfocus = () => this.typed();
    this.adder.onblur = () => this.picker.close();
    this.adder.onkeydown = (event) => this.key(event);
    this.line = h("div", { class: "slash-line" });
    this.element = h(
      "div",
      { class: "slash", role: "group", "aria-label": `The command /${leaf.name}` },
      this.hint,
      h("div", { class: "composer-line" }, this.line, h("button", { class: "icon-button", type: "button", "aria-label": "Leave the command", title: "Leave the command (Esc)", onclick: () => composer.endCommand() }, icon("close")), h("button", { class: "icon-button send", type: "button", "aria-label": `Run /${leaf.name}`, title: "Run (Enter)", onclick: () => this.run() }, icon("send"))),
    );
    for (const option of leaf.options.filter((option) => option.required)) this.add(option);
    this.draw();
  }

  close() {
    this.picker.close();
    for (const field of this.fields) field.picker?.close();
  }

  /** Reads options that were typed or pasted as text: `channel:#dev into:#news`. */
  start(text) {
    this.focus();
    const names = this.leaf.options.map((option) => option.name).join("|");
    const found = names === "" ? [] : [...text.matchAll(new RegExp(`(?:^|\\s)(${names}):`, "g"))];
    if (found.length === 0) {
      if (text === "") return;
      const field = this.fields.find((field) => field.input === document.activeElement);
      if (field) {
        field.type(text);
      } else {
        this.adder.value = text;
        this.typed();
      }
      return;
    }
    for (const [at, { 0: mark, 1: name, index }] of found.entries()) {
      const value = text.slice(index + mark.length, found[at + 1]?.index).trim();
      const known = this.fields.find((field) => field.option.name === name);
      const field = known ?? this.add(this.leaf.options.find((option) => option.name === name));
      field.focus();
      field.type(value);
    }
  }

  /** If everything that was pasted can be sent, Enter sends it. */
  settle() {
    if (this.fields.every((field) => !field.problem())) this.adder.focus();
  }

  /** Moves to the next field that must be filled in. */
  focus() {
    const open = this.fields.find((field) => field.option.required && !field.filled());
    (open?.input ?? this.adder).focus();
  }

  /** Options that aren't filled in yet, as items. */
  rest() {
    const used = new Set(this.fields.map((field) => field.option.name));
    return this.leaf.options.filter((option) => !used.has(option.name)).map((option) => ({ name: option.name, detail: option.description, option }));
  }

  add(option) {
    const field = new Field(this, option);
    this.fields.push(field);
    this.adder.value = "";
    this.draw();
    return field;
  }

  remove(field) {
    this.fields = this.fields.filter((one) => one !== field);
    this.draw();
    this.adder.focus();
  }

  draw() {
    const rest = this.rest();
    this.adder.placeholder = rest.length > 0 ? "add an option" : "Enter runs it";
    this.line.replaceChildren(h("span", { class: "command-name" }, `/${this.leaf.name}`), ...this.fields.map((field) => field.element), this.adder);
  }

  say(option) {
    if (option) fill(this.hint, h("strong", {}, option.name), " ", option.description, option.required ? h("span", { class: "faint" }, " · required") : null);
    else fill(this.hint, h("strong", {}, `/${this.leaf.name}`), " ", this.leaf.description);
  }

  typed() {
    this.say(null);
    const query = this.adder.value;
    const named = /^([\w-]+):(.*)$/.exec(query);
    const exact = named && this.rest().find((item) => item.name === named[1]);
    if (exact) {
      const field = this.add(exact.option);
      field.focus();
      field.type(named[2]);
      return;
    }
    this.picker.eager = query !== "";
    this.picker.show(query);
  }

  key(event) {
    if (this.picker.key(event)) return;
    if (event.key === "Enter" && !event.isComposing) {
      event.preventDefault();
      this.run();
    } else if (event.key === "Escape") {
      event.preventDefault();
      this.composer.endCommand();
    } else if (event.key === "Backspace" && this.adder.value === "") {
      event.preventDefault();
      const last = this.fields.at(-1);
      if (last) last.focus();
      else this.composer.endCommand(`/${this.leaf.name}`);
    }
  }

  run() {
    for (const field of this.fields) {
      const problem = field.problem();
      if (problem) {
        field.input.setAttribute("aria-invalid", "true");
        field.focus();
        this.composer.complain(`${field.option.name}: ${problem}`);
        return;
      }
    }
    const filled = this.fields.filter((field) => field.filled());
    this.composer.run(this, filled.map((field) => field.json()));
  }

  /** Takes over what was filled into another form of this command. */
  restore(other) {
    this.fields = [];
    for (const field of other.fields) Object.assign(this.add(field.option), { value: field.value }).input.value = field.input.value;
    this.draw();
    this.adder.focus();
  }
}

/** One option. */
class Field {
  constructor(form, option) {
    this.form = form;
    this.option = option;
    /** The value that is sent, if it was picked and not typed. */
    this.value = null;
    const id = freshId("option");
    this.input = h("input", { id, type: "text", autocomplete: "off", spellcheck: "false", maxlength: option.max_length, inputmode: option.type === 4 ? "numeric" : option.type === 10 ? "decimal" : null });
    this.element = h("span", { class: `option-field${option.required ? " required" : ""}` }, h("label", { for: id }, option.name), this.input);
    if (this.picks || option.autocomplete) {
      this.picker = new Picker(this.input, { label: option.name, anchor: form.composer.box, above: true, source: (query) => this.offers(query), pick: (item) => this.take(item) });
    }
    this.input.oninput = () => this.changed();
    this.input.onfocus = () => {
      form.say(option);
      this.picker?.show(this.input.value);
    };
    this.input.onblur = () => this.picker?.close();
    this.input.onkeydown = (event) => this.key(event);
    this.fit();
  }

  /** Whether only the suggestions can be sent. */
  get picks() {
    return Boolean(this.option.choices?.length) || this.option.type === 5 || Boolean(KINDS[this.option.type]);
  }

  items() {
    const { option } = this;
    if (option.choices?.length) return option.choices.map((choice) => ({ name: choice.name, value: choice.value }));
    if (option.type === 5) return [{ name: "true", value: true }, { name: "false", value: false }];
    return offersFor(KINDS[option.type], index.guilds.get(this.form.composer.guild), option.channel_types);
  }

  offers(query) {
    if (this.picks) return fitting(this.items(), this.value === null ? query.replace(/^[#@]/, "") : "");
    return new Promise((resolve, reject) => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => {
        const others = this.form.fields.filter((field) => field !== this && field.filled()).map((field) => field.json());
        const { composer, leaf } = this.form;
        act("complete", { channel: composer.channel, command: leaf.name, options: others, focused: this.option.name, typed: query })
          .then(({ choices }) => resolve(choices.map((choice) => ({ name: choice.name, value: choice.value }))))
          .catch(reject);
      }, DEBOUNCE);
    });
  }

  take(item) {
    this.value = item.value;
    this.input.value = KINDS[this.option.type] === "channel" ? `#${item.name}` : item.name;
    this.input.removeAttribute("aria-invalid");
    this.fit();
    this.form.focus();
  }

  type(text) {
    this.input.value = text;
    this.changed();
  }

  changed() {
    this.value = null;
    // For somebody who types the command as the documentation shows it, although the field is already there.
    const own = `${this.option.name}:`;
    if (this.input.value.startsWith(own)) this.input.value = this.input.value.slice(own.length);
    const next = /^(.*\S)? ([\w-]+):$/.exec(this.input.value);
    const option = next && this.form.rest().find((item) => item.name === next[2])?.option;
    if (option) {
      this.input.value = next[1] ?? "";
      this.fit();
      this.form.add(option).focus();
      return;
    }
    this.form.composer.complain("");
    this.input.removeAttribute("aria-invalid");
    this.fit();
    this.picker?.show(this.input.value);
  }

  fit() {
    this.input.size = Math.max(6, Math.min(40, this.input.value.length + 1));
  }

  focus() {
    this.input.focus();
  }

  key(event) {
    if (this.picker?.key(event)) return;
    if (event.key === "Enter" && !event.isComposing) {
      event.preventDefault();
      const open = this.form.fields.some((field) => field.option.required && !field.filled());
      if (open) this.form.focus();
      else this.form.run();
    } else if (event.key === "Escape") {
      event.preventDefault();
      this.form.composer.endCommand();
    } else if (event.key === "Backspace" && this.input.value === "") {
      event.preventDefault();
      if (this.option.required) this.form.composer.endCommand(`/${this.form.leaf.name}`);
      else this.form.remove(this);
    }
  }

  filled() {
    return this.value !== null || this.input.value.trim() !== "";
  }

  /** Why it can't be sent, or nothing. The bot's limits are checked when it is sent. */
  problem() {
    if (!this.filled()) return this.option.required ? "it is required." : null;
    if (this.option.type === 11) return "files can't be given to commands here.";
    if (!this.picks || this.value !== null) return null;
    const typed = this.input.value.trim().replace(/^[#@]/, "").toLowerCase();
    // A choice may have an explanation after its word, which nobody types: `server: this server's members`.
    const words = (item) => [item.name, item.name.split(":")[0]];
    const is = (item, by) => words(item)[by].toLowerCase() === typed;
    const exact = [0, 1].map((by) => this.items().filter((item) => is(item, by))).find((found) => found.length > 0) ?? [];
    if (exact.length !== 1) return "choose one of what is offered.";
    this.value = exact[0].value;
    return null;
  }

  json() {
    const value = this.value ?? this.input.value.trim();
    return { name: this.option.name, type: this.option.type, value };
  }
}
