// What was done is in this browser's own storage, and outlives the session. The server is told what it does not know.

const PLACE = "gradient-flow-lab.lessons";
let wished = ""; // the last wish to forget that came from this tab
let heard; // the last wish to forget, of any tab, that this tab's session has followed
let shown = null; // what is on the page now

window.addEventListener("storage", ({ key }) => {
  if (key === PLACE && shown?.parentElement.isConnected && readKept().forgotten !== heard) keep(shown);
});

export default function (component) {
  shown = component;
  keep(component);
}

function keep(component) {
  const root = component.parentElement.querySelector(".kept-progress");
  const { done, forget, followed } = JSON.parse(new TextDecoder().decode(component.data));
  let kept = readKept();
  heard ??= kept.forgotten;
  if (forget && forget !== wished) {
    wished = heard = forget;
    kept = { forgotten: forget, done: [] };
  }
  if (followed === kept.forgotten) heard = followed;
  // What this session has done may be older than another tab's wish to forget it, so it is not kept.
  const forgottenElsewhere = kept.forgotten !== heard;
  const now = forgottenElsewhere ? kept.done : [...new Set([...kept.done, ...done])];
  writeKept({ forgotten: kept.forgotten, done: now });
  root.dataset.done = now.join(" ");
  const message = JSON.stringify({ done: now, forget, forgotten: forgottenElsewhere ? kept.forgotten : "" });
  if ((now.length === done.length && !forgottenElsewhere) || root.dataset.sent === message) return;
  root.dataset.sent = message; // once: the server may refuse a part of it
  component.setStateValue("message", JSON.parse(message));
}

function readKept() {
  try {
    const { forgotten, done } = JSON.parse(localStorage.getItem(PLACE));
    if (Array.isArray(done)) return { forgotten, done: done.filter((part) => typeof part === "string") };
  } catch {
    // nothing is kept yet, or this browser lets no page keep anything
  }
  return { forgotten: "", done: [] };
}

function writeKept(kept) {
  try {
    localStorage.setItem(PLACE, JSON.stringify(kept));
  } catch {
    // then the session alone knows
  }
}
