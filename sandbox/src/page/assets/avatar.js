// Pictures of people and servers: drawn from their names, or a webhook's own.

import { h } from "./dom.js";

const COLOURS = 10;

function colour(name) {
  let hash = 2166136261;
  for (const character of name) hash = Math.imul(hash ^ character.codePointAt(0), 16777619);
  return ((hash ^ (hash >>> 15)) >>> 0) % COLOURS;
}

function initials(name) {
  const words = name.split(/[\s_·-]+/u).filter((word) => /[\p{L}\p{N}]/u.test(word));
  const first = (word) => [...word].find((character) => /[\p{L}\p{N}]/u.test(character)) ?? "";
  return (first(words[0] ?? "?") + (words.length > 1 ? first(words.at(-1)) : "")).toUpperCase() || "?";
}

/** A round picture with initials. Discord's own pictures can't be loaded; other links of webhooks are. */
export function avatar(name, size = "", link = null) {
  const element = h("span", { class: `avatar ${size} tint-${colour(name)}`, "aria-hidden": "true" }, initials(name));
  if (link && /^https:\/\//.test(link) && !/^https:\/\/(cdn|media)\.discordapp\.(com|net)\//.test(link)) {
    const picture = h("img", { src: link, alt: "", loading: "lazy" });
    picture.onerror = () => picture.remove();
    element.append(picture);
  }
  return element;
}

/** A server's picture. */
export function emblem(name) {
  return h("span", { class: `emblem tint-${colour(name)}`, "aria-hidden": "true" }, initials(name));
}
