// The short way from a slider to the charts: see dashboard/server/live.py. A slider offers each value here first. Charts
// that can be seen are asked for at once, with the newest values only. The next question leaves as soon as an answer has
// come. The answer is drawn with the browser's next frame, before which the browser tells of the hand's moves: so their
// question leaves before the drawing, too, and the server computes while the browser draws.

import { asking, charts } from "../shared/charts.js";
import { destroyedWithNode, madeOnce } from "../shared/made_once.js";
import { serverUrl } from "../shared/server_url.js";

const WORDS_MS = 300; // nobody reads faster, and they take the server as long as the charts

export default function (component) {
  const { parentElement, data } = component;
  madeOnce(parentElement, createLab).update(JSON.parse(new TextDecoder().decode(data)));
  return destroyedWithNode(parentElement);
}

function createLab(parent) {
  const root = parent.querySelector(".live-lab");
  root.tabIndex = 0; // keys scroll it where it is higher than its place
  root.setAttribute("role", "region");
  root.setAttribute("aria-label", "What this says");
  let name = "";
  let state = {}; // as the page last had it
  let said = "";
  let standing = ""; // the words that are shown: the page's, those of a drag, or null for an error
  const moved = new Map(); // what the hand has changed since: key → its value, and whether it is still to reach the page
  let generation = 0; // answers to questions about an older page are dropped
  let asked = 0; // the generation of the question that is on its way
  let waiting = false;
  let unasked = false;
  let socket = null;
  let heard = null; // the newest answer, until it is drawn
  let frame = 0;
  let wordsAt = -Infinity;
  let wordsWanted = false;
  let rest = 0;

  function update(data) {
    const settled = JSON.stringify(data.state);
    const isNew = settled !== JSON.stringify(state) || data.words !== said;
    name = data.name;
    state = data.state;
    said = data.words;
    // What is typed while the page still computes an older value is not the page's to drop; a preset or a link is.
    for (const [key, { value, isPending }] of moved) {
      if (JSON.stringify(state[key]) === JSON.stringify(value) || !isPending()) moved.delete(key);
    }
    if (moved.size === 0 && (isNew || standing !== said)) {
      generation += 1;
      show(said);
    }
  }

  // The page has drawn: what was asked before is not drawn over it, and what the hand has done since is asked anew.
  function pageDraws() {
    generation += 1;
    if (moved.size && !waiting) ask();
  }

  const show = (words) => {
    root.innerHTML = standing = words; // of our own making, see `Frame.words`
    fade();
  };
  const fade = () => root.classList.toggle("more", root.scrollTop + root.clientHeight < root.scrollHeight - 8);
  root.addEventListener("scroll", fade);
  const sizes = new ResizeObserver(fade);
  sizes.observe(root);

  function ask() {
    if (!socket || socket.readyState > WebSocket.OPEN) return connect(); // which asks again once it is open
    if (socket.readyState === WebSocket.CONNECTING) return;
    setWaiting(true);
    unasked = false;
    asked = generation;
    const words = wordsWanted || performance.now() - wordsAt > WORDS_MS;
    wordsWanted = false;
    clearTimeout(rest);
    if (words) wordsAt = performance.now();
    else rest = setTimeout(askForWords, WORDS_MS);
    const seen = [...charts].filter(([, chart]) => chart.isVisible()).map(([key]) => key);
    const wanted = { ...state };
    for (const [key, { value }] of moved) wanted[key] = value;
    socket.send(JSON.stringify({ lab: name, state: wanted, charts: seen, words }));
  }

  function connect() {
    const url = new URL(serverUrl("live"));
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    socket = new WebSocket(url);
    socket.onopen = ask;
    socket.onmessage = ({ data }) => hear(JSON.parse(data));
    socket.onclose = () => setWaiting(false); // the page's own rerun, on release, says what is wrong
  }

  function setWaiting(isWaiting) {
    waiting = isWaiting;
    if (waiting) asking.add(root);
    else asking.delete(root);
  }

  function hear(answer) {
    const of = asked;
    setWaiting(false);
    if ((unasked || of !== generation) && moved.size) ask();
    const unread = heard?.of === of ? heard.answer.words : null; // an answer that was not drawn may have had words
    heard = { answer: { ...answer, words: answer.words ?? unread }, of };
    frame ||= requestAnimationFrame(draw);
  }

  function draw() {
    const { answer, of } = heard;
    heard = null;
    frame = 0;
    if (of !== generation) return;
    if (answer.error) {
      standing = null;
      root.replaceChildren(Object.assign(document.createElement("p"), { textContent: answer.error, role: "alert" }));
    } else {
      for (const [key, message] of Object.entries(answer.charts)) charts.get(key)?.want(message, true);
      if (answer.words) show(answer.words);
    }
  }

  function askForWords() {
    if (moved.size === 0) return;
    wordsWanted = true;
    if (waiting) unasked = true;
    else ask();
  }

  // A slider waits for nobody: it says what changes, and whoever prevents the default has taken it.
  function take(event) {
    const known = Object.entries(event.detail.changes).filter(([key]) => key in state);
    if (known.length === 0) return;
    event.preventDefault();
    const { isPending } = event.detail;
    for (const [key, value] of known) moved.set(key, { value, isPending });
    if (waiting) unasked = true;
    else ask();
  }
  document.addEventListener("gradient-flow-move", take);
  document.addEventListener("gradient-flow-page-draws", pageDraws);

  function destroy() {
    document.removeEventListener("gradient-flow-move", take);
    document.removeEventListener("gradient-flow-page-draws", pageDraws);
    clearTimeout(rest);
    cancelAnimationFrame(frame);
    setWaiting(false);
    sizes.disconnect();
    if (!socket) return;
    socket.onopen = socket.onmessage = null;
    socket.close();
  }

  return { update, destroy };
}
