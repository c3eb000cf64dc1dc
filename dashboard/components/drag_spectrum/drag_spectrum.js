// Points over their rank, moved by hand, by key, or typed in the table beside them. The drawing is made once a size;
// what the hand does goes to live_lab.js at once, and to Streamlit when the hand lets go.

import { madeOnce } from "../shared/made_once.js";
import { keepKeys } from "../shared/own_keys.js";
import {
  DRAG_ENDS,
  createHand,
  focusedPoint,
  keyTarget,
  placePoint,
  svgNode,
  verticalPoint,
} from "../shared/vertical_points.js";

const SEND_AFTER_MS = 250; // after the last key
const REACH = 14; // pixels around a point in which a hand takes it
const MARGIN = { left: 46, right: 14, top: 12, bottom: 40 };

export default function (component) {
  const data = JSON.parse(new TextDecoder().decode(component.data));
  const create = (parent) => createSpectrum(parent, data.sequence);
  madeOnce(component.parentElement, create).update(component, data);
}

function createSpectrum(parent, firstSequence) {
  const root = parent.querySelector(".drag-spectrum");
  const host = root.getRootNode();
  const hand = createHand(send, SEND_AFTER_MS, firstSequence);
  let component = null;
  let data = null;
  let values = [];
  let revision = -1; // how often code has set the values
  let isScaled = () => false; // whether the page has yet to draw what the slider of the largest value has set
  let drawn = ""; // what the drawing was made for
  let chosen = 0; // the point that the Tab key reaches
  let top = 1.5; // of the axis
  let parts = null;

  const width = () => Math.max(220, root.querySelector(".chart")?.clientWidth ?? 0);
  const right = () => width() - MARGIN.right;
  const bottom = () => data.height - MARGIN.bottom;
  const x = (k) => (values.length === 1 ? (MARGIN.left + right()) / 2 : MARGIN.left + (k / (values.length - 1)) * (right() - MARGIN.left));
  const y = (value) => bottom() - (value / top) * (bottom() - MARGIN.top);
  const rounded = (value) => Number(Math.min(data.highest, Math.max(0, value)).toFixed(3));
  const written = (value) => String(Number(value.toFixed(3)));

  function build() {
    root.innerHTML = `<div class="chart"><div class="title"></div></div>
      <div class="table" tabindex="0" role="group"><table>
      <thead><tr><th scope="col">rank</th><th scope="col">value</th></tr></thead><tbody></tbody></table></div>`;
    root.dataset.key = data.key;
    root.querySelector(".table").setAttribute("aria-label", `${data.label}, typed`);
    const inputs = rows(); // the chart has the width that they leave
    const chart = root.querySelector(".chart");
    const svg = svgNode("svg", { role: "group", "aria-label": data.label, height: data.height }, chart);
    const wide = width();
    svg.setAttribute("viewBox", `0 0 ${wide} ${data.height}`);
    for (let v = 0; v <= top + 1e-9; v += 0.5) {
      svgNode("line", { class: v === 1 ? "level" : "grid", x1: MARGIN.left, x2: right(), y1: y(v), y2: y(v) }, svg);
      svgNode("text", { x: MARGIN.left - 8, y: y(v) + 4, "text-anchor": "end" }, svg).textContent = v;
    }
    const every = [1, 2, 5, 10, 20, 50, 100, 200].find((n) => values.length / n <= 8);
    for (let k = 0; k < values.length; k += 1) {
      if (k > 0 && (k + 1) % every) continue;
      svgNode("text", { x: x(k), y: bottom() + 18, "text-anchor": "middle" }, svg).textContent = k + 1;
    }
    svgNode("text", { x: (MARGIN.left + right()) / 2, y: data.height - 4, "text-anchor": "middle" }, svg).textContent = "rank";
    const beside = { transform: `translate(12 ${(MARGIN.top + bottom()) / 2}) rotate(-90)`, "text-anchor": "middle" };
    svgNode("text", beside, svg).textContent = "singular value";
    const line = svgNode("polyline", { class: "drawn" }, svg);
    const points = values.map((_, k) => pointOf(k, svg));
    svg.addEventListener("pointerdown", (event) => take(event, svg));
    svg.addEventListener("pointermove", (event) => hand.held() >= 0 && move(hand.held(), valueAt(event, svg)));
    for (const end of DRAG_ENDS) svg.addEventListener(end, hand.letGo);
    parts = { line, points, inputs, title: root.querySelector(".title") };
  }

  function pointOf(k, svg) {
    const label = `singular value ${k + 1}`;
    const radius = values.length > 100 ? 3 : 5;
    const point = verticalPoint(svg, { x: x(k), label, lowest: 0, highest: data.highest, reach: REACH, radius });
    point.addEventListener("keydown", (event) => press(event, k));
    return point;
  }

  function rows() {
    const body = root.querySelector("tbody");
    return values.map((_, k) => {
      const row = body.insertRow();
      row.insertCell().textContent = k + 1;
      const input = row.insertCell().appendChild(document.createElement("input"));
      Object.assign(input, { type: "text", inputMode: "decimal", autocomplete: "off" });
      input.setAttribute("aria-label", `singular value ${k + 1}, exact`);
      input.addEventListener("change", () => {
        const typed = input.value.trim() === "" ? NaN : Number(input.value.trim().replace(",", "."));
        if (Number.isFinite(typed)) {
          move(k, typed);
          hand.sendNow();
        }
        input.value = written(values[k]);
      });
      return input;
    });
  }

  // --- the hand ---

  const valueAt = (event, svg) => {
    const pixel = event.clientY - svg.getBoundingClientRect().top;
    return Math.min(top, ((bottom() - pixel) / (bottom() - MARGIN.top)) * top);
  };

  // Where points stand close together the upper one would be taken; the hand means the nearest.
  function take(event, svg) {
    if (!event.target.classList.contains("hand") && !event.target.classList.contains("dot")) return;
    const pixel = event.clientX - svg.getBoundingClientRect().left;
    const distance = (k) => Math.abs(x(k) - pixel);
    const nearest = values.reduce((best, _, k) => (distance(k) < distance(best) ? k : best), 0);
    hand.take(nearest, svg, event);
    reach(nearest);
  }

  function reach(k) {
    chosen = Math.min(values.length - 1, Math.max(0, k));
    parts.points.forEach((point, n) => point.setAttribute("tabindex", n === chosen ? 0 : -1));
    parts.points[chosen].focus();
  }

  function press(event, k) {
    const beside = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const by = { ArrowUp: 0.01, ArrowDown: -0.01, PageUp: 0.1, PageDown: -0.1 };
    const to = keyTarget(event.key, values[k], { lowest: 0, highest: data.highest }, by);
    if (beside) reach(k + beside);
    else if (to === undefined) return;
    else {
      move(k, to);
      hand.sendSoon();
    }
    event.preventDefault();
  }

  const largest = () => Math.max(...values);
  const changes = () => ({ [data.valuesKey]: values.join(","), [data.largestKey]: largest() });

  function move(k, value) {
    values[k] = rounded(value);
    show();
    const isPending = () => root.isConnected && hand.isBusy();
    const detail = { changes: changes(), isPending, source: root };
    document.dispatchEvent(new CustomEvent("gradient-flow-move", { detail, cancelable: true }));
  }

  function send(sequence) {
    component.setStateValue("message", { values: [...values], revision: data.revision, sequence });
  }

  // What a key has set arrives before what is clicked next.
  document.addEventListener("pointerdown", flush, true);
  function flush() {
    if (!root.isConnected) document.removeEventListener("pointerdown", flush, true);
    else hand.flush();
  }

  // The slider of the largest value scales all of them.
  function follow(event) {
    if (!root.isConnected) return document.removeEventListener("gradient-flow-move", follow);
    const { changes: moved, isPending, source } = event.detail;
    if (source === root || !(data.largestKey in moved) || largest() === 0) return;
    const factor = moved[data.largestKey] / largest();
    if (!(factor > 0)) return;
    values = values.map((value) => value * factor);
    isScaled = isPending;
    refresh();
  }
  document.addEventListener("gradient-flow-move", follow);

  // --- drawing ---

  function show() {
    const above = values.filter((value) => value > 1).length;
    parts.title.textContent = `${data.label}: ${above} of ${values.length} above 1`;
    parts.line.setAttribute("points", values.map((value, k) => `${x(k)},${y(value)}`).join(" "));
    parts.points.forEach((point, k) => placePoint(point, y(values[k]), written(values[k])));
    parts.inputs.forEach((input, k) => {
      if (host.activeElement !== input) input.value = written(values[k]);
    });
  }

  function refresh() {
    const needed = largest() > 1.5 ? data.highest : 1.5;
    const wanted = JSON.stringify([data.label, data.height, data.highest, values.length, width(), needed]);
    if (wanted !== drawn && hand.held() < 0) {
      const focus = focusedPoint(root, parts?.points ?? []);
      top = needed;
      const scrolled = root.querySelector(".table")?.scrollTop ?? 0;
      build();
      root.querySelector(".table").scrollTop = scrolled;
      drawn = JSON.stringify([data.label, data.height, data.highest, values.length, width(), needed]);
      chosen = Math.min(chosen, values.length - 1);
      parts.points.forEach((point, k) => point.setAttribute("tabindex", k === chosen ? 0 : -1));
      if (focus >= 0) reach(focus);
    }
    show();
  }

  keepKeys(root);
  new ResizeObserver(() => data && refresh()).observe(root);

  return {
    update(next, newest) {
      component = next;
      data = newest;
      hand.hear(data.sequence);
      const setByCode = data.revision !== revision;
      revision = data.revision;
      const isOther = data.values.length !== values.length; // of another network
      const isDue = setByCode || isOther || !(hand.isBusy() || isScaled());
      if (hand.held() < 0 && isDue) values = [...data.values];
      refresh();
    },
  };
}
