// Shortcuts, light and dark, and lists that stay up to date. Every page works without it, but for
// those that are live by nature. What comes from the server is HTML that its templates have escaped.
"use strict";

const one = (what, from = document) => from.querySelector(what);
const all = (what, from = document) => [...from.querySelectorAll(what)];

// Light and dark: a cookie, so that the next page comes in the right colours at once.
const switchTheme = () => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const now = root.dataset.theme || (dark ? "dark" : "light");
  const next = now === "dark" ? "light" : "dark";
  root.dataset.theme = next;
  document.cookie = `terrace_theme=${next}; Path=/dashboard; Max-Age=31536000; SameSite=Strict`;
};

// Keyboard.
const isTyping = (target) => target.closest("input:not([type=radio]):not([type=checkbox]), textarea, select, [contenteditable]");
let wentFirst = 0;
const onKey = (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  const afterG = Date.now() - wentFirst < 1500;
  wentFirst = 0;
  if (afterG) {
    const link = one(`[data-go="${CSS.escape(event.key)}"]`);
    if (link) link.click();
    return;
  }
  const does = {
    g: () => { wentFirst = Date.now(); },
    t: switchTheme,
    "?": () => one("#help")?.showModal(),
    "/": () => { one("[data-first]")?.focus(); event.preventDefault(); },
  };
  does[event.key]?.();
};

// A list or a part of the page that the server keeps up to date.
const follow = (part) => {
  const light = one(`[data-light="${part.id}"]`);
  const say = (state, word) => {
    if (!light) return;
    light.dataset.state = state;
    light.textContent = word;
  };
  const source = new EventSource(part.dataset.live);
  source.addEventListener("open", () => say("on", "live"));
  source.addEventListener("error", () => say("off", source.readyState === EventSource.CLOSED ? "ended, load the page again" : "connecting…"));
  source.addEventListener("replace", (event) => {
    const { html } = JSON.parse(event.data);
    if (!part.contains(document.activeElement)) part.innerHTML = html;
  });
  source.addEventListener("first", (event) => {
    const { html, most } = JSON.parse(event.data);
    one("[data-empty]", part.closest("section"))?.remove();
    part.insertAdjacentHTML("afterbegin", html);
    for (const row of all(":scope > tr", part).slice(most)) row.remove();
  });
  addEventListener("pagehide", () => source.close());
};

const copy = async (button) => {
  const field = one("input", button.parentElement);
  field.select();
  await navigator.clipboard?.writeText(field.value);
  button.textContent = "Copied";
};

document.addEventListener("keydown", onKey);
document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.matches("[data-theme-switch]")) switchTheme();
  if (button?.matches("[data-help]")) one("#help").showModal();
  if (button?.matches("[data-copy]")) copy(button);
});
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-send]")) event.target.form.requestSubmit();
});
one("nav a[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
all("[data-live]").forEach(follow);
