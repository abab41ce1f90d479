// The message box: messages, edits, replies, files, and commands.

import { act } from "./link.js";
import { avatar } from "./avatar.js";
import { fill, h } from "./dom.js";
import { sizeOf } from "./files.js";
import { openForm } from "./form.js";
import { icon } from "./icons.js";
import { authorName } from "./message.js";
import { decode, encode } from "./names.js";
import { channelItems, roleItems, userItems } from "./offers.js";
import { Picker, fitting } from "./picker.js";
import { SlashForm, leaves } from "./slash.js";
import { channelName, index, nameOf, state, tell } from "./state.js";

/** What was being written in each channel, because people look elsewhere in between. */
const drafts = new Map();

export class Composer {
  constructor(pane, channel) {
    this.pane = pane;
    this.channel = channel;
    this.files = [];
    this.replying = null;
    this.editing = null;
    this.slash = null;
    this.problem = h("p", { class: "failure", role: "alert" });
    this.context = h("div", { class: "composer-context" });
    this.chips = h("ul", { class: "chips", "aria-label": "Files to send" });
    this.text = h("textarea", { rows: "1", "aria-label": "Message", spellcheck: "true", autocapitalize: "sentences" });
    this.chooser = h("input", { type: "file", multiple: true, hidden: true, tabindex: "-1", "aria-hidden": "true", "aria-label": "Files", onchange: () => this.addFiles(this.chooser.files) });
    this.line = h(
      "div",
      { class: "composer-line" },
      h("button", { class: "icon-button", type: "button", "aria-label": "Attach files", title: "Attach files", onclick: () => this.chooser.click() }, icon("plus")),
      this.text,
      this.chooser,
      h("button", { class: "icon-button send", type: "submit", "aria-label": "Send", title: "Send (Enter)" }, icon("send")),
    );
    this.box = h("div", { class: "composer-box" }, this.context, this.chips, this.line);
    this.element = h("form", { class: "composer", onsubmit: (event) => (event.preventDefault(), this.send()) }, this.problem, this.box);
    this.problem.hidden = true;
    this.picker = new Picker(this.text, { label: "Suggestions", anchor: this.box, above: true, source: (token) => this.suggest(token), pick: (item) => item.take() });
    this.text.setAttribute("aria-label", "Message");
    this.text.oninput = () => this.typed();
    this.text.onkeydown = (event) => this.key(event);
    this.text.onblur = () => this.picker.close();
    this.text.onpaste = (event) => {
      if (event.clipboardData.files.length === 0) return;
      event.preventDefault();
      this.addFiles(event.clipboardData.files);
    };
    this.dropInto(pane.element);
    this.text.value = drafts.get(this.draftKey) ?? "";
    this.drawState();
    queueMicrotask(() => this.grow());
  }

  get draftKey() {
    return `${state.layout.as} ${this.channel}`;
  }

  get guild() {
    return index.channels.get(this.channel)?.guild;
  }

  close() {
    this.picker.close();
    this.slash?.close();
    const element = this.pane.element;
    element.ondragover = element.ondrop = element.ondragleave = null;
  }

  focus() {
    if (this.slash) this.slash.focus();
    else this.text.focus();
  }

  /** Whether this person may write here now. */
  drawState() {
    const channel = index.channels.get(this.channel);
    if (!channel) return;
    const may = channel.may.post && !(channel.thread?.locked && !channel.may.moderate);
    this.text.disabled = !may;
    for (const button of this.line.querySelectorAll("button")) button.disabled = !may;
    const name = channel.type === 1 || channel.thread ? channelName(channel) : `#${channelName(channel)}`;
    this.text.placeholder = may ? `Message ${name}` : "You can't write here.";
    const me = nameOf(state.layout.as, channel.guild);
    this.text.setAttribute("aria-label", `Message ${name} as ${me}`);
  }

  complain(text) {
    this.problem.hidden = !text;
    fill(this.problem, text && icon("warning"), text);
  }

  // What is being written ---------------------------------------------------

  typed() {
    this.complain("");
    // Several letters at once were pasted, and nobody is still typing in the middle of them.
    this.pasted = this.text.value.length - (this.length ?? 0) > 1;
    this.length = this.text.value.length;
    if (!this.editing) drafts.set(this.draftKey, this.text.value);
    this.grow();
    const upTo = this.text.value.slice(0, this.text.selectionStart);
    if (!this.editing && /^\/(?:[\w-]+(?: .*)?)?$/.test(this.text.value)) return this.typedCommand();
    this.commands = null;
    const token = /(?:^|\s)([@#])([^\s@#]*)$/.exec(upTo);
    if (token && index.guilds.has(this.guild)) this.picker.show({ sign: token[1], query: token[2] });
    else this.picker.close();
    return undefined;
  }

  /** The commands that the bot offers, requested once for each "/". */
  offered() {
    this.commands ??= act("commands", { channel: this.channel }).then(({ commands }) => leaves(commands));
    return this.commands;
  }

  async typedCommand() {
    const asked = this.text.value;
    if (asked.includes(" ")) {
      const all = await this.offered().catch(() => []);
      // Meanwhile, more may have been typed, or everything deleted.
      const typed = this.text.value;
      const leaf = named(all, typed);
      if (leaf && !this.slash) return this.startCommand(leaf, typed.slice(leaf.name.length + 2));
      if (typed !== asked) return undefined;
    }
    return this.picker.show({ sign: "/", query: asked.slice(1) });
  }

  async suggest({ sign, query }) {
    const guild = index.guilds.get(this.guild);
    const insert = (text) => () => this.insert(sign, text);
    if (sign === "#") {
      const channels = channelItems(guild).filter((item) => index.channels.get(item.value).type !== 4);
      const found = fitting(channels, query).slice(0, 12);
      // A hashtag isn't a channel.
      return found.length > 0 ? found.map((item) => ({ ...item, take: insert(`#${item.name} `) })) : null;
    }
    if (sign === "@") {
      const all = [...userItems(guild), ...roleItems(guild).filter((role) => role.name !== "everyone"), { name: "everyone", detail: "Everyone in this channel" }];
      const found = fitting(all, query).slice(0, 12);
      return found.length > 0 ? found.map((item) => ({ ...item, take: insert(`@${item.name} `) })) : null;
    }
    const all = await this.offered();
    const bot = nameOf(state.world.bot);
    const found = fitting(all, query.trim());
    if (found.length === 0) return query === "" ? [{ name: "No commands", detail: "The bot offers none here, or isn't connected.", disabled: true }] : null;
    return found.map((leaf) => ({ name: leaf.name, label: `/${leaf.name}`, detail: leaf.description, picture: avatar(bot, "small"), mark: bot, take: () => this.startCommand(leaf) }));
  }

  insert(sign, text) {
    const { value, selectionStart } = this.text;
    const begin = value.slice(0, selectionStart).lastIndexOf(sign);
    this.text.setRangeText(text, begin, selectionStart, "end");
    this.typed();
  }

  grow() {
    this.text.style.height = "auto";
    this.text.style.height = `${Math.min(this.text.scrollHeight, 240)}px`;
  }

  key(event) {
    if (this.picker.key(event)) return;
    const bare = !event.shiftKey && !event.ctrlKey && !event.metaKey && !event.altKey && !event.isComposing;
    if (event.key === "Enter" && bare) {
      event.preventDefault();
      this.send();
    } else if (event.key === "ArrowUp" && bare && this.text.value === "" && !this.editing) {
      const last = this.pane.timeline.messages.filter((message) => message.author.id === state.layout.as && [0, 19].includes(message.kind) && !message.forward).at(-1);
      if (last) {
        event.preventDefault();
        this.edit(last);
      }
    } else if (event.key === "Escape") {
      if (this.editing || this.replying) {
        event.preventDefault();
        this.forget();
      } else {
        this.pane.timeline.toEnd();
      }
    }
  }

  // Replies, edits, files ---------------------------------------------------

  reply(message) {
    this.forget();
    this.replying = message;
    this.drawContext();
    this.focus();
  }

  edit(message) {
    this.forget();
    this.editing = message.id;
    this.text.value = decode(message.content, this.guild);
    this.drawContext();
    this.grow();
    this.focus();
    this.text.setSelectionRange(this.text.value.length, this.text.value.length);
    tell("redraw", message.id);
  }

  /** Stops replying or editing. */
  forget() {
    const edited = this.editing;
    if (edited) this.text.value = drafts.get(this.draftKey) ?? "";
    this.editing = this.replying = null;
    this.complain("");
    this.drawContext();
    this.grow();
    if (edited) tell("redraw", edited);
  }

  drawContext() {
    const cancel = h("button", { class: "icon-button", type: "button", "aria-label": "Cancel", title: "Cancel (Esc)", onclick: () => (this.forget(), this.focus()) }, icon("close"));
    if (this.editing) fill(this.context, icon("edit"), h("span", {}, "Editing your message"), cancel);
    else if (this.replying) fill(this.context, icon("reply"), h("span", {}, "Answering ", h("strong", {}, authorName(this.replying.author, this.guild))), cancel);
    else fill(this.context);
  }

  addFiles(files) {
    this.files.push(...files);
    this.chooser.value = "";
    this.drawFiles();
    this.focus();
  }

  drawFiles() {
    fill(
      this.chips,
      this.files.map((file, at) => {
        const remove = () => {
          this.files.splice(at, 1);
          this.drawFiles();
        };
        return h("li", { class: "chip" }, icon("file"), h("span", { class: "chip-name" }, file.name), h("span", { class: "faint" }, sizeOf(file.size)), h("button", { class: "icon-button", type: "button", "aria-label": `Remove ${file.name}`, onclick: remove }, icon("close")));
      }),
    );
  }

  dropInto(element) {
    const carries = (event) => [...event.dataTransfer.types].includes("Files");
    element.ondragover = (event) => {
      if (!carries(event)) return;
      event.preventDefault();
      element.classList.add("drop");
    };
    element.ondragleave = (event) => {
      if (!element.contains(event.relatedTarget)) element.classList.remove("drop");
    };
    element.ondrop = (event) => {
      if (!carries(event)) return;
      event.preventDefault();
      element.classList.remove("drop");
      this.addFiles(event.dataTransfer.files);
    };
  }

  // Sending -----------------------------------------------------------------

  async send() {
    if (this.slash) return this.slash.run();
    const typed = this.text.value;
    const content = encode(typed.trim(), this.guild);
    const { editing, replying, files } = this;
    if (content === "" && files.length === 0 && !editing) return undefined;
    // Somebody who types faster than the list appears means the command anyway.
    if (!editing && files.length === 0 && /^\/[\w-]+(?: .*)?$/.test(typed)) {
      const leaf = named(await this.offered().catch(() => []), `${typed} `);
      if (this.slash) return this.slash.run();
      if (leaf) {
        this.startCommand(leaf, typed.slice(leaf.name.length + 2));
        return typed.trimEnd() === `/${leaf.name}` && !typed.endsWith(" ") ? undefined : this.slash.run();
      }
    }
    // Immediately, so that people can write the next one; it comes back if it is refused.
    this.text.value = "";
    this.files = [];
    this.complain("");
    if (!editing) drafts.delete(this.draftKey);
    if (!editing) this.pane.timeline.atEnd = true;
    this.editing = this.replying = null;
    this.drawContext();
    this.drawFiles();
    this.grow();
    try {
      if (editing) await act("edit", { channel: this.channel, message: editing, content });
      else await act("post", { channel: this.channel, content, reply_to: replying?.id ?? null }, files);
    } catch (error) {
      Object.assign(this, { editing, replying, files: [...files, ...this.files] });
      if (this.text.value === "") this.text.value = typed;
      this.drawContext();
      this.drawFiles();
      this.grow();
      this.complain(error.message);
    }
    if (editing) tell("redraw", editing);
    return undefined;
  }

  /** Begins to fill in a command, with what was typed after its name. */
  startCommand(leaf, rest = "") {
    this.picker.close();
    this.complain("");
    this.text.value = "";
    this.commands = null;
    drafts.delete(this.draftKey);
    this.slash = new SlashForm(this, leaf);
    this.line.hidden = true;
    this.box.append(this.slash.element);
    this.slash.start(rest);
    if (this.pasted) this.slash.settle();
    this.length = 0;
  }

  endCommand(text = "") {
    this.slash?.close();
    this.slash?.element.remove();
    this.slash = null;
    this.line.hidden = false;
    this.text.value = text;
    this.text.focus();
    if (text) this.typed();
  }

  /** Runs a command; the bot's answer arrives by itself. */
  async run(slash, options) {
    const { name } = slash.leaf;
    this.endCommand();
    const settle = this.pane.timeline.addLocal({ what: `/${name}` });
    try {
      const answer = await act("run", { channel: this.channel, command: name, options });
      settle(null);
      if (answer.modal) openForm(answer);
    } catch (error) {
      if (error.unanswered || this.slash || this.text.value !== "") {
        settle({ error: error.message });
        return;
      }
      // What Discord's client wouldn't send can be corrected.
      settle(null);
      this.startCommand(slash.leaf);
      this.slash.restore(slash);
      this.complain(error.message);
    }
  }
}

/** The command whose complete name begins a text. */
function named(leaves, text) {
  const fitting = leaves.filter((leaf) => text.startsWith(`/${leaf.name} `));
  return fitting.sort((a, b) => b.name.length - a.name.length)[0];
}
