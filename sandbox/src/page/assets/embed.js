// Embeds: the cards that bots and link previews add to messages.

import { h } from "./dom.js";
import { picture, resolve } from "./files.js";
import { link, markdown } from "./markdown.js";
import { whenOf } from "./time.js";

export function embeds(list, files, guild) {
  return list.map((one) => embed(one, files, guild)).filter(Boolean);
}

function embed(of, files, guild) {
  const image = resolve(of.image?.proxy_url ?? of.image?.url, files);
  const thumbnail = resolve(of.thumbnail?.proxy_url ?? of.thumbnail?.url, files);
  // Previews of pictures are shown as pictures.
  if ((of.type === "image" || of.type === "gifv") && !of.title && !of.description) return picture(thumbnail ?? image, "Preview");
  const card = h(
    "article",
    { class: thumbnail ? "embed with-thumbnail" : "embed", "aria-label": of.title ?? of.author?.name ?? "Embed" },
    h(
      "div",
      { class: "embed-main" },
      of.provider?.name && h("div", { class: "embed-provider" }, of.provider.name),
      of.author?.name && h("div", { class: "embed-author" }, small(resolve(of.author.icon_url, files)), linked(of.author.url, [of.author.name])),
      of.title && h("div", { class: "embed-title" }, linked(of.url, markdown(of.title, guild))),
      of.description && h("div", { class: "embed-text text" }, markdown(of.description, guild)),
      of.fields?.length > 0 && fields(of.fields, guild),
    ),
    thumbnail && h("div", { class: "embed-thumbnail" }, picture(thumbnail, "Thumbnail")),
    image && h("div", { class: "embed-image" }, picture(image, of.image.description ?? "Picture of the embed")),
    footer(of, files),
  );
  if (Number.isInteger(of.color) && of.color > 0) card.style.setProperty("--bar", `#${of.color.toString(16).padStart(6, "0")}`);
  return card;
}

const small = (url) => url && h("img", { class: "embed-icon", src: url, alt: "", loading: "lazy" });
const linked = (url, content) => (/^https?:\/\//.test(url ?? "") ? link(url, content) : content);

/** Inline fields are side by side, three in a row. */
function fields(list, guild) {
  return h(
    "dl",
    { class: "fields" },
    list.map((field) =>
      h("div", { class: field.inline ? "field inline" : "field" }, h("dt", {}, markdown(field.name, guild)), h("dd", { class: "text" }, markdown(field.value, guild))),
    ),
  );
}

function footer(of, files) {
  if (!of.footer?.text && !of.timestamp) return null;
  const when = of.timestamp ? h("time", { datetime: of.timestamp }, whenOf(new Date(of.timestamp))) : null;
  const dot = of.footer?.text && when ? h("span", { class: "dot" }, " • ") : null;
  return h("footer", { class: "embed-footer" }, small(resolve(of.footer?.icon_url, files)), h("span", {}, of.footer?.text, dot, when));
}
