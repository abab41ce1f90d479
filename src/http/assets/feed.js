// Keys for the feed. Without this script, everything works by links and forms.

const posts = [...document.querySelectorAll("#posts .post")];
const help = document.getElementById("keys");
const tag = document.querySelector(".search input[name=tag]");

function current() {
  return posts.indexOf(document.activeElement?.closest(".post"));
}

function move(by) {
  const at = current();
  const next = at < 0 ? (by > 0 ? 0 : posts.length - 1) : at + by;
  const post = posts[Math.max(0, Math.min(next, posts.length - 1))];
  post?.focus({ preventScroll: true });
  post?.scrollIntoView({ block: "nearest" });
}

const actions = {
  j: () => move(1),
  k: () => move(-1),
  m: () => posts[current()]?.querySelector(".mark")?.requestSubmit(),
  o: () => posts[current()]?.querySelector(".open")?.click(),
  "/": () => tag?.focus(),
  "?": () => (help.open ? help.close() : help.showModal()),
};

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, select, textarea");
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (typing) {
    if (event.key === "Escape") typing.blur();
    return;
  }
  const action = actions[event.key];
  if (!action || (help.open && event.key !== "?")) return;
  event.preventDefault();
  action();
});

document.querySelector(".keys")?.removeAttribute("hidden");
