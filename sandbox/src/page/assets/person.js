// What can be done with a person: a menu at their name, with the bot's commands for people.

import { openForm } from "./form.js";
import { act } from "./link.js";
import { openMenu } from "./menu.js";
import { nameOf, tell } from "./state.js";

/** The commands for people that the bot offers here. Without the sandbox there are none. */
export async function personCommands(channel) {
  try {
    const { commands } = await act("commands", { channel });
    return commands.filter((command) => command.type === 2);
  } catch {
    return [];
  }
}

/** Opens the menus of the people whose names stand in a timeline. */
export class PersonMenu {
  constructor(pane, timeline, guild) {
    this.pane = pane;
    this.timeline = timeline;
    this.guild = guild;
    timeline.list.addEventListener("click", (event) => this.clicked(event));
    timeline.list.addEventListener("contextmenu", (event) => this.clicked(event, event));
  }

  /** A click, or with `at` a right-click, which is the person's then and not the message's. */
  clicked(event, at = null) {
    const name = event.target.closest?.("[data-person]");
    if (!name || event.shiftKey) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    this.open(name.dataset.person, name, at);
  }

  async open(id, anchor, at = null) {
    const name = nameOf(id, this.guild);
    const commands = await personCommands(this.timeline.channel);
    const entries = commands.map((command) => ({ name: command.name, icon: "apps", run: () => this.run(id, command.name) }));
    if (entries.length > 0) entries.unshift({ heading: "Apps" });
    const items = [{ name: "Copy user id", icon: "copy", run: () => this.copy(id) }, ...entries];
    openMenu(anchor, `What to do with ${name}`, [{ heading: name }, ...items], { align: "start", at });
  }

  async copy(id) {
    try {
      await navigator.clipboard.writeText(id);
      tell("announce", "Copied");
    } catch {
      this.pane.complain("The browser doesn't let the page copy.");
    }
  }

  async run(person, command) {
    const settle = this.timeline.addLocal({ what: command });
    try {
      const answer = await act("run_on_person", { channel: this.timeline.channel, person, command });
      if (answer.modal) openForm(answer);
      settle(null);
    } catch (error) {
      settle({ error: error.message });
    }
  }
}
