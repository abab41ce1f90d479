// Dialogs: the browser's own, so that focus stays within and Escape closes.

import { freshId, h } from "./dom.js";
import { icon } from "./icons.js";

/**
 * Opens a dialog with a title; `submit` runs when it is sent, and an error that it throws is shown in it. If it returns a function, that
 * runs once the dialog is closed: until then, nothing behind it can take the focus. Returns the dialog.
 */
export function openDialog({ title, body, buttons, submit, kind = "", send = "Send" }) {
  const head = freshId("dialog");
  const problem = h("p", { class: "failure", role: "alert", hidden: true });
  const sendButton = submit && h("button", { class: `button ${kind === "danger" ? "danger" : "primary"}`, type: "submit" }, send);
  const form = h(
    "form",
    { method: "dialog" },
    h("header", {}, h("h2", { id: head }, title), h("button", { class: "icon-button", type: "button", "aria-label": "Close", onclick: () => dialog.close() }, icon("close"))),
    h("div", { class: "dialog-body" }, body, problem),
    (buttons || submit) && h("footer", {}, buttons, submit && h("button", { class: "button plain", type: "button", onclick: () => dialog.close() }, "Cancel"), sendButton),
  );
  const dialog = h("dialog", { class: `dialog ${kind}`, "aria-labelledby": head }, form);
  form.onsubmit = async (event) => {
    event.preventDefault();
    if (!submit || sendButton.disabled) return;
    sendButton.disabled = true;
    problem.hidden = true;
    try {
      const next = await submit();
      dialog.close();
      if (typeof next === "function") next();
    } catch (error) {
      problem.hidden = false;
      problem.replaceChildren(icon("warning"), error.message);
    }
    sendButton.disabled = false;
  };
  closeOutside(dialog);
  dialog.onclose = () => dialog.remove();
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** A click outside a dialog closes it. */
export function closeOutside(dialog) {
  dialog.onpointerdown = (event) => {
    if (event.target === dialog) dialog.close();
  };
}

/** Asks for confirmation before something that can't be undone. */
export function confirmFirst({ title, text, send, done }) {
  openDialog({ title, body: text, submit: done, kind: "danger", send }).querySelector("[type=submit]").focus();
}

/** A picture in full size. */
export function lightbox(url, text) {
  const dialog = h("dialog", { class: "lightbox", "aria-label": text }, h("button", { class: "icon-button", type: "button", "aria-label": "Close", onclick: () => dialog.close() }, icon("close")), h("img", { src: url, alt: text }), h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, "Open in the browser"));
  closeOutside(dialog);
  dialog.onclose = () => dialog.remove();
  document.body.append(dialog);
  dialog.showModal();
}
