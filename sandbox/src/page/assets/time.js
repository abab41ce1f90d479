// Times in the reader's own language and zone.

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "long" });
const FORMATS = {
  t: { timeStyle: "short" },
  T: { timeStyle: "medium" },
  d: { dateStyle: "short" },
  D: { dateStyle: "long" },
  f: { dateStyle: "long", timeStyle: "short" },
  F: { dateStyle: "full", timeStyle: "short" },
};
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
const UNITS = [["year", 31_536_000], ["month", 2_592_000], ["day", 86_400], ["hour", 3600], ["minute", 60], ["second", 1]];

export const timeOf = (date) => clock.format(date);
export const dayOf = (date) => day.format(date);

/** "Today at 14:03", or the date. */
export function whenOf(date) {
  const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(date).setHours(0, 0, 0, 0)) / 86_400_000);
  if (days === 0) return timeOf(date);
  if (days === 1) return `Yesterday at ${timeOf(date)}`;
  return `${new Intl.DateTimeFormat(undefined, { dateStyle: "short" }).format(date)}, ${timeOf(date)}`;
}

export function fullOf(date) {
  return new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" }).format(date);
}

/** A time in the format that Discord's mark in a text asks for. */
export function styled(date, style) {
  return style === "R" ? ago(date) : new Intl.DateTimeFormat(undefined, FORMATS[style] ?? FORMATS.f).format(date);
}

export function ago(date) {
  const seconds = Math.round((date - Date.now()) / 1000);
  const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? ["second", 1];
  return relative.format(Math.trunc(seconds / size), unit);
}

/** Keeps all relative times on the page current. */
export function keepCurrent() {
  setInterval(() => {
    for (const element of document.querySelectorAll("time[data-relative]")) {
      const text = ago(new Date(element.dateTime));
      if (element.textContent !== text) element.textContent = text;
    }
  }, 1000);
}
