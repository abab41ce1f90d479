// Files of messages: pictures, audio and video are shown, everything else is a card.

import { h } from "./dom.js";
import { icon } from "./icons.js";
import { state } from "./state.js";
import { lightbox } from "./dialog.js";

/** Where a file can be fetched here: Discord's own links expire, and have another address. */
export function local(url) {
  const prefix = `${state.world?.discord}/attachments/`;
  if (url?.startsWith(prefix)) return `/files/${url.slice(prefix.length).split("?")[0]}`;
  return /^https:\/\//.test(url ?? "") || /^\/files\//.test(url ?? "") ? url : null;
}

/** What `attachment://name` means within a message. */
export function resolve(url, files) {
  const name = /^attachment:\/\/(.+)$/.exec(url ?? "")?.[1];
  return local(name ? files.find((file) => file.name === name)?.url : url);
}

export function sizeOf(bytes) {
  const units = ["bytes", "KB", "MB", "GB"];
  let at = 0;
  let size = bytes;
  while (size >= 1000 && at < units.length - 1) {
    size /= 1024;
    at += 1;
  }
  return `${at === 0 ? size : size.toFixed(size < 10 ? 1 : 0)} ${units[at]}`;
}

const KINDS = [
  [/\.(png|jpe?g|gif|webp|avif)$/i, "image"],
  [/\.(mp4|webm)$/i, "video"],
  [/\.(mp3|ogg|wav|flac)$/i, "audio"],
];

/** A message's files, except those that its embeds show. */
export function attachments(files, embeds = []) {
  const inEmbeds = JSON.stringify(embeds ?? []);
  const shown = files.filter((file) => !inEmbeds.includes(`attachment://${file.name}"`));
  if (shown.length === 0) return null;
  const pictures = shown.filter((file) => kindOf(file) === "image");
  const others = shown.filter((file) => kindOf(file) !== "image");
  return h(
    "div",
    { class: "files" },
    pictures.length > 0 && h("div", { class: `pictures count-${Math.min(pictures.length, 4)}` }, pictures.map((file) => picture(local(file.url), file.description ?? file.name))),
    others.map(other),
  );
}

const kindOf = (file) => (local(file.url) ? KINDS.find(([pattern]) => pattern.test(file.name))?.[1] : null);

/** A picture that opens in full size. */
export function picture(url, text) {
  if (!url) return null;
  const image = h("img", { src: url, alt: text, loading: "lazy", decoding: "async" });
  const button = h("button", { class: "picture", type: "button", "aria-label": `Enlarge: ${text}`, onclick: () => lightbox(url, text) }, image);
  image.onerror = () => button.replaceWith(h("a", { class: "no-picture", href: url, target: "_blank", rel: "noopener noreferrer" }, "This picture can't be loaded"));
  return button;
}

function other(file) {
  const url = local(file.url);
  const kind = kindOf(file);
  if (kind === "video") return h("video", { src: url, controls: true, preload: "metadata", "aria-label": file.name });
  return h(
    "div",
    { class: "file" },
    h("span", { class: "file-icon" }, icon("file")),
    h("span", { class: "file-text" }, url ? h("a", { href: url, download: file.name }, file.name) : file.name, h("span", { class: "faint" }, sizeOf(file.size))),
    url && h("a", { class: "icon-button", href: url, download: file.name, "aria-label": `Download ${file.name}`, title: "Download" }, icon("download")),
    kind === "audio" && h("audio", { src: url, controls: true, preload: "metadata", "aria-label": file.name }),
  );
}
