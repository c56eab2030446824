// The playground: sends the form, reads events as they come, and shows plan, attempts and answer.
// What models say is put into the page as text; what comes as markup the server has escaped.
"use strict";

const form = document.querySelector("#play");
const part = (id) => document.getElementById(id);
let running = null;

const say = (state, word) => {
  part("play-state").dataset.state = state;
  part("play-state").textContent = word;
};

const send = (path, signal) => fetch(path, {
  method: "POST",
  body: new URLSearchParams(new FormData(form)),
  headers: { accept: "text/event-stream" },
  signal,
});

// The events of a response, as [name, data].
async function* eventsOf(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    const whole = text.split("\n\n");
    text = whole.pop();
    for (const lines of whole) {
      const field = (name) => lines.split("\n").find((line) => line.startsWith(name))?.slice(name.length);
      const data = field("data: ");
      if (data) yield [field("event: "), JSON.parse(data)];
    }
  }
}

const begin = () => {
  part("plan").replaceChildren();
  part("attempts").replaceChildren();
  part("outcome").replaceChildren();
  part("answer").textContent = "";
  part("answer").setAttribute("aria-busy", "true");
};

const attemptAt = (index) => {
  const list = part("attempts");
  while (list.children.length <= index) list.append(document.createElement("li"));
  return list.children[index];
};

// The attempt whose text stands in the answer.
let shownOf = null;
const show = (index, text, provisional) => {
  const answer = part("answer");
  if (shownOf !== index) answer.textContent = "";
  shownOf = index;
  answer.classList.toggle("provisional", provisional);
  answer.append(text);
};

const told = {
  plan: ({ html }) => { part("plan").innerHTML = html; },
  attempt: ({ index, html }) => { attemptAt(index).innerHTML = html; },
  chunk: ({ index, text, provisional }) => show(index, text, provisional),
  rejected: ({ index, html }) => {
    attemptAt(index).innerHTML = html;
    if (shownOf !== index) return;
    part("answer").textContent = "";
    shownOf = null;
  },
  committed: () => part("answer").classList.remove("provisional"),
  done: ({ html, attempts, text }) => {
    attempts.forEach((attempt, index) => { attemptAt(index).innerHTML = attempt; });
    part("answer").classList.remove("provisional");
    part("answer").textContent = text;
    part("outcome").innerHTML = html;
    say("on", "done");
  },
  failed: ({ html, attempts = [] }) => {
    attempts.forEach((attempt, index) => { attemptAt(index).innerHTML = attempt; });
    part("outcome").innerHTML = html;
    say("off", "failed");
  },
};

const run = async (path, read) => {
  running?.abort();
  const mine = running = new AbortController();
  const stop = form.querySelector("[data-stop]");
  stop.disabled = false;
  shownOf = null;
  begin();
  say("on", "running…");
  try {
    const response = await send(path, mine.signal);
    if (response.status === 401) return location.reload();
    if (!response.ok) throw new Error(`answered with ${response.status}`);
    await read(response);
  } catch (error) {
    if (mine === running) say("off", mine.signal.aborted ? "stopped" : String(error.message || error));
  } finally {
    if (mine === running) {
      stop.disabled = true;
      part("answer").setAttribute("aria-busy", "false");
      if (!part("attempts").children.length) part("attempts").innerHTML = '<li class="empty">None.</li>';
    }
  }
};

if (form) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    run("/dashboard/playground/run", async (response) => {
      for await (const [name, data] of eventsOf(response)) told[name]?.(data);
    });
  });
  form.querySelector("[data-plan]").addEventListener("click", () => {
    if (!form.reportValidity()) return;
    run("/dashboard/playground/plan", async (response) => {
      part("plan").innerHTML = await response.text();
      say("on", "planned");
    });
  });
  form.querySelector("[data-stop]").addEventListener("click", () => running?.abort());
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
}
