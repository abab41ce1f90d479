// The icons: strokes on a 24 × 24 grid, in the colour of the text.

const PATHS = {
  hash: "M9 4 7 20M17 4l-2 16M4.5 9h16M3.5 15h16",
  announce: "M4 10v4h3l8 4V6L7 10H4ZM18.5 9.5a4 4 0 0 1 0 5M8 14.5V19h2.5v-3.3",
  voice: "M4 10v4h3l5 4V6l-5 4H4ZM15.5 9a4 4 0 0 1 0 6M18 6.5a8 8 0 0 1 0 11",
  stage: "M12 12a2.2 2.2 0 1 0 0-.1M7.5 15.5a6 6 0 1 1 9 0M4.8 18a9.5 9.5 0 1 1 14.4 0M8.5 20.5c.5-3 6.5-3 7 0Z",
  forum: "M4 5h11v8H9l-3 3v-3H4V5ZM18 9h2v8h-2v3l-3-3h-4",
  thread: "M5 4v6a4 4 0 0 0 4 4h9M14 10l4 4-4 4",
  direct: "M4 5h16v11H10l-4 4v-4H4V5Z",
  lock: "M6 11h12v9H6v-9ZM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
  chevron: "m9 6 6 6-6 6",
  down: "m6 9 6 6 6-6",
  beside: "M4 5h16v14H4V5ZM12 5v14",
  close: "m6 6 12 12M18 6 6 18",
  menu: "M4 7h16M4 12h16M4 17h16",
  more: "M6 12h.01M12 12h.01M18 12h.01",
  reply: "M10 8V4l-7 7 7 7v-4c5 0 8 1.5 11 5-1-6-4-11-11-11Z",
  edit: "m4 20 1-4L16 5l3 3L8 19l-4 1ZM14 7l3 3",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10.5 11v5M13.5 11v5",
  forward: "m14 8V4l7 7-7 7v-4c-5 0-8 1.5-11 5 1-6 4-11 11-11Z",
  publish: "M4 10v4h3l8 4V6L7 10H4ZM19 9v6M16.5 12h5",
  copy: "M9 9h10v11H9V9ZM15 9V4H5v11h4",
  link: "M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1",
  plus: "M12 5v14M5 12h14",
  send: "M4 12 20 4l-5 16-4-6-7-2Z",
  file: "M6 3h8l4 4v14H6V3ZM14 3v4h4",
  download: "M12 4v11M7 11l5 5 5-5M5 20h14",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8ZM12 2v2.5M12 19.5V22M2 12h2.5M19.5 12H22M5 5l1.7 1.7M17.3 17.3 19 19M19 5l-1.7 1.7M6.7 17.3 5 19",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5Z",
  bolt: "M13 3 5 14h6l-1 7 8-11h-6l1-7Z",
  keyboard: "M3 6h18v12H3V6ZM7 10h.01M11 10h.01M15 10h.01M18 10h.01M7 14h10",
  search: "M11 5a6 6 0 1 0 0 12 6 6 0 0 0 0-12ZM15.5 15.5 20 20",
  swap: "M4 9h15l-4-4M20 15H5l4 4",
  eye: "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12ZM12 9.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5Z",
  check: "m5 12.5 5 5L19.5 7",
  warning: "M12 4 2.5 20h19L12 4ZM12 10v5M12 17.5h.01",
  apps: "M5 5h5v5H5V5ZM14 5h5v5h-5V5ZM5 14h5v5H5v-5ZM16.5 13.5v6M13.5 16.5h6",
  follow: "M5 4v5a5 5 0 0 0 5 5h8M14 10l4 4-4 4M5 14v6",
  external: "M14 4h6v6M20 4l-9 9M10 6H5v13h13v-5",
};

const SVG = "http://www.w3.org/2000/svg";

/** An icon. It is decoration: its meaning is written next to it, or in the control's label. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}
