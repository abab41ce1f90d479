// Things that open next to something else: where they are, and when they close.

/** Shows a popup at an element, or at a point on it: below it, or above if there is more room. Returns a function that removes it. */
export function popUp(popup, anchor, { above = false, align = "start", at: point = null, onclose } = {}) {
  const host = anchor.closest("dialog") ?? document.body;
  host.append(popup);
  const place = () => {
    if (!anchor.isConnected) return close();
    const at = point ? new DOMRect(point.clientX, point.clientY, 0, 0) : anchor.getBoundingClientRect();
    const margin = 8;
    const width = Math.min(popup.offsetWidth, innerWidth - 2 * margin);
    const left = align === "end" && !point ? at.right - width : at.left;
    popup.style.left = `${Math.max(margin, Math.min(left, innerWidth - width - margin))}px`;
    const roomAbove = at.top - margin;
    const roomBelow = innerHeight - at.bottom - margin;
    const goesAbove = above ? roomAbove > 120 || roomAbove > roomBelow : roomBelow < Math.min(popup.scrollHeight, 260) && roomAbove > roomBelow;
    popup.style.maxHeight = `${Math.max(80, Math.min(goesAbove ? roomAbove : roomBelow, 420))}px`;
    popup.style.top = goesAbove ? "auto" : `${at.bottom + 4}px`;
    popup.style.bottom = goesAbove ? `${innerHeight - at.top + 4}px` : "auto";
    return undefined;
  };
  const outside = (event) => !popup.contains(event.target) && (point || !anchor.contains(event.target)) && close();
  const observer = new ResizeObserver(place);
  let open = true;
  function close() {
    if (!open) return;
    open = false;
    observer.disconnect();
    document.removeEventListener("pointerdown", outside, true);
    removeEventListener("resize", place);
    removeEventListener("scroll", place, true);
    popup.remove();
    onclose?.();
  }
  document.addEventListener("pointerdown", outside, true);
  addEventListener("resize", place);
  addEventListener("scroll", place, true);
  observer.observe(popup);
  place();
  return { close, place };
}
