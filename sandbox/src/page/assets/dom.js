// Creates elements, and updates those on the page without losing focus, scroll positions and loaded pictures.

const EVENTS = ["onclick", "oninput", "onkeydown", "onsubmit", "onchange", "onauxclick", "onfocus", "onblur", "onpointerdown"];

/**
 * An element. Properties that begin with "on" are handlers, `class` and all others are attributes; false and null leave one out.
 * Children are nodes or texts: data never becomes markup.
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element[name] = value;
    else if (name === "value" || name === "checked") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  append(element, children);
  return element;
}

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false || child === "") continue;
    element.append(child);
  }
}

/** Makes `from` look and act like `to`. Children with the same `data-key` are kept; `data-own` ones are left alone. */
export function morph(from, to) {
  for (const { name } of [...from.attributes]) {
    if (!to.hasAttribute(name) && name !== "style") from.removeAttribute(name);
  }
  for (const { name, value } of to.attributes) {
    if (name !== "style" && from.getAttribute(name) !== value) from.setAttribute(name, value);
  }
  // Through the style object, because the page's policy forbids style attributes.
  if (from.style && from.style.cssText !== to.style.cssText) from.style.cssText = to.style.cssText;
  for (const event of EVENTS) if (from[event] !== to[event]) from[event] = to[event];
  if (from !== document.activeElement && "value" in from && from.value !== to.value) from.value = to.value;
  if ("checked" in from && from.checked !== to.checked) from.checked = to.checked;
  children(from, [...to.childNodes]);
  return from;
}

/** Replaces an element's children with these nodes, keeping those that match. */
export function fill(element, ...nodes) {
  children(element, nodes.flat(Infinity).filter((node) => node));
}

function children(parent, wanted) {
  const old = [...parent.childNodes].filter((node) => node.dataset?.own === undefined);
  const keyed = new Map(old.filter(key).map((node) => [key(node), node]));
  const free = old.filter((node) => !key(node));
  const kept = new Set();
  let place = old[0] ?? null;
  for (let node of wanted) {
    if (typeof node === "string") node = document.createTextNode(node);
    const name = key(node);
    let match = name ? keyed.get(name) : take(free, node);
    if (match && (kept.has(match) || match.nodeName !== node.nodeName)) match = undefined;
    if (match) {
      kept.add(match);
      if (match.nodeType === Node.TEXT_NODE) {
        if (match.data !== node.data) match.data = node.data;
      } else if (match !== node) {
        morph(match, node);
      }
    } else {
      match = node;
    }
    if (match === place) place = next(place);
    else parent.insertBefore(match, place);
  }
  for (const node of old) if (!kept.has(node) && !wanted.includes(node)) node.remove();
}

function take(free, like) {
  const at = free.findIndex((node) => node.nodeName === like.nodeName && node.namespaceURI === like.namespaceURI);
  return at < 0 ? undefined : free.splice(0, at + 1)[at];
}

function next(node) {
  let after = node.nextSibling;
  while (after && after.dataset?.own !== undefined) after = after.nextSibling;
  return after;
}

const key = (node) => node.dataset?.key;

/** Calls `work` once, after everything that is running now. */
export function soon(work) {
  let waiting = false;
  return () => {
    if (waiting) return;
    waiting = true;
    queueMicrotask(() => {
      waiting = false;
      work();
    });
  };
}

let last = 0;
/** An id for ARIA references. */
export const freshId = (prefix) => `${prefix}-${(last += 1)}`;
