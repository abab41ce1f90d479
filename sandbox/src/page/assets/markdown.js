// Discord's markdown as nodes. Texts become text nodes, whatever they contain.

import { h } from "./dom.js";
import { mention } from "./mention.js";

/** A text with everything that messages may contain; `guild` is the server whose nicknames are used. */
export function markdown(text, guild) {
  const parts = [];
  let rest = text;
  const fence = /```(?:([\w+\-.#]+)\n)?\n*([\s\S]+?)\n*```/;
  for (let found; (found = fence.exec(rest)); ) {
    parts.push(...blocks(rest.slice(0, found.index).replace(/\n$/, ""), guild));
    parts.push(h("pre", { tabindex: "0" }, h("code", { "data-language": found[1] ?? null }, found[2])));
    rest = rest.slice(found.index + found[0].length).replace(/^\n/, "");
  }
  parts.push(...blocks(rest, guild));
  return parts;
}

/** Lines: headings, quotes, lists, small print; all others stay text. */
function blocks(text, guild) {
  if (text === "") return [];
  const nodes = [];
  const plain = [];
  const flush = () => {
    if (plain.length > 0) nodes.push(...inline(plain.join("\n"), guild));
    plain.length = 0;
  };
  const lines = text.split("\n");
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at];
    const heading = /^(#{1,3}) +(\S.*)$/.exec(line);
    if (line.startsWith(">>> ")) {
      flush();
      nodes.push(h("blockquote", {}, blocks([line.slice(4), ...lines.slice(at + 1)].join("\n"), guild)));
      return nodes;
    }
    if (/^> /.test(line)) {
      const quoted = [];
      for (; at < lines.length && /^> ?/.test(lines[at]); at += 1) quoted.push(lines[at].replace(/^> ?/, ""));
      at -= 1;
      flush();
      nodes.push(h("blockquote", {}, blocks(quoted.join("\n"), guild)));
    } else if (heading) {
      flush();
      // A message isn't a document: its headings only look like headings, below those of the page.
      nodes.push(h("div", { class: `h${heading[1].length}`, role: "heading", "aria-level": heading[1].length + 3 }, inline(heading[2], guild)));
    } else if (/^-# +\S/.test(line)) {
      flush();
      nodes.push(h("small", {}, inline(line.replace(/^-# +/, ""), guild)));
    } else if (/^ *(?:[-*]|\d+\.) +\S/.test(line)) {
      const items = [];
      for (; at < lines.length && (/^ *(?:[-*]|\d+\.) +\S/.test(lines[at]) || (items.length > 0 && /^ {2,}\S/.test(lines[at]))); at += 1) items.push(lines[at]);
      at -= 1;
      flush();
      nodes.push(list(items, guild));
    } else {
      plain.push(line);
    }
  }
  flush();
  return nodes;
}

/** Lines that begin with a mark; deeper ones become a nested list. */
function list(lines, guild) {
  const depth = (line) => /^ */.exec(line)[0].length;
  const first = depth(lines[0]);
  const number = /^ *(\d+)\. /.exec(lines[0]);
  const element = number ? h("ol", { start: number[1] }) : h("ul");
  for (let at = 0; at < lines.length; at += 1) {
    const below = [];
    const item = h("li", {}, inline(lines[at].replace(/^ *(?:[-*]|\d+\.) +/, ""), guild));
    while (at + 1 < lines.length && depth(lines[at + 1]) > first) below.push(lines[(at += 1)]);
    if (below.length > 0) item.append(/^ *(?:[-*]|\d+\.) /.test(below[0]) ? list(below, guild) : `\n${below.map((line) => line.trim()).join("\n")}`);
    element.append(item);
  }
  return element;
}

const wrapped = (tag, properties = {}) => (found, guild) => h(tag, properties, inline(found[1], guild));

/** What may begin at a position in a text, the most specific first. */
const RULES = [
  [/^\\([^\w\s])/, (found) => found[1]],
  [/^(`+)([\s\S]*?[^`])\1(?!`)/, (found) => h("code", {}, found[2].replace(/^ (.*) $/, "$1"))],
  [/^<(https?:\/\/[^\s<>]+)>/, (found) => link(found[1], [found[1]])],
  [/^\[((?:\[[^\]]*\]|\\.|[^\[\]\\])+)\]\(\s*<(https?:\/\/[^\s<>]+)>(?:\s+"[^"]*")?\s*\)/, (found, guild) => link(found[2], inline(found[1], guild, true))],
  [/^\[((?:\[[^\]]*\]|\\.|[^\[\]\\])+)\]\(\s*(https?:\/\/(?:\([^\s()<>]*\)|[^\s()<>])+)(?:\s+"[^"]*")?\s*\)/, (found, guild) => link(found[2], inline(found[1], guild, true))],
  [/^https?:\/\/(?:\([^\s()<>]*\)|[^\s<>()])*[^\s<>().,:;"'\]!?*_~|]\/?/, (found) => link(found[0], [found[0]])],
  [/^<(?:t:-?\d+(?::[tTdDfFR])?|@[!&]?\d+|#\d+|a?:\w+:\d+|\/[^<>:]+:\d+|id:\w+)>/, (found, guild) => mention(found[0], guild)],
  [/^@(?:everyone|here)\b/, (found) => h("span", { class: "mention" }, found[0])],
  [/^\|\|([\s\S]+?)\|\|/, (found, guild) => spoiler(inline(found[1], guild))],
  [/^\*\*\*([\s\S]+?)\*\*\*(?!\*)/, (found, guild) => h("strong", {}, h("em", {}, inline(found[1], guild)))],
  [/^\*\*([\s\S]+?)\*\*(?!\*)/, wrapped("strong")],
  [/^__([\s\S]+?)__(?!_)/, wrapped("u")],
  [/^~~([\s\S]+?)~~/, wrapped("s")],
  // The text between two marks can't contain the same mark: otherwise, there would be too many ways to read a long text.
  [/^\*(?!\s)((?:\*\*[^*]+\*\*|[^*])+)\*(?!\*)/, wrapped("em")],
  [/^_((?:__[^_]+__|[^_])+)_(?![\w])/, wrapped("em")],
];

const STARTS = /[\\`<[h@|*_~]/;

/** The marks within a line. Links can't contain links. */
function inline(text, guild, inLink = false) {
  const nodes = [];
  let plain = "";
  let rest = text;
  while (rest !== "") {
    const start = rest.search(STARTS);
    if (start !== 0) {
      const upTo = start < 0 ? rest.length : start;
      plain += rest.slice(0, upTo);
      rest = rest.slice(upTo);
      continue;
    }
    let matched = false;
    for (const [pattern, make] of RULES) {
      const found = pattern.exec(rest);
      if (!found || (rest[0] === "_" && found[0][1] !== "_" && /\w$/.test(plain))) continue;
      let made = make(found, guild);
      if (inLink && made.nodeName === "A") made = made.textContent;
      if (typeof made === "string") {
        plain += made;
      } else {
        if (plain !== "") nodes.push(plain);
        plain = "";
        nodes.push(made);
      }
      rest = rest.slice(found[0].length);
      matched = true;
      break;
    }
    if (!matched) {
      plain += rest[0];
      rest = rest.slice(1);
    }
  }
  if (plain !== "") nodes.push(plain);
  return nodes;
}

/** A link to http or https, which leads away from this page. Links to channels that the person sees open here. */
export function link(url, content) {
  return h("a", { href: url, target: "_blank", rel: "noopener noreferrer nofollow", title: url }, content);
}

function spoiler(content) {
  const show = (event) => {
    event.currentTarget.classList.add("shown");
    event.currentTarget.removeAttribute("role");
    event.currentTarget.removeAttribute("aria-label");
  };
  const onkeydown = (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    show(event);
  };
  return h("span", { class: "spoiler", role: "button", tabindex: "0", "aria-label": "Spoiler: show it", onclick: show, onkeydown }, h("span", {}, content));
}
