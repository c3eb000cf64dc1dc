// What was done is in this browser's own storage, and outlives the session. The server is told what it does not know.

const PLACE = "gradient-flow-lab.lessons";

export default function (component) {
  const root = component.parentElement.querySelector(".kept-progress");
  const { done, forget } = JSON.parse(new TextDecoder().decode(component.data));
  const kept = readKept();
  const before = forget && kept.forgotten !== forget ? [] : kept.done;
  const now = [...new Set([...before, ...done])];
  writeKept({ forgotten: forget || kept.forgotten, done: now });
  root.dataset.done = now.join(" ");
  const message = JSON.stringify({ done: now, forget });
  if (now.length === done.length || root.dataset.sent === message) return;
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
