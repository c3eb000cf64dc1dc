// All frames come once. A move redraws the chart here; the server hears of it when the hand lets go, and then draws
// what is heavier.

import { charts } from "../shared/charts.js";
import { destroyedWithNode, madeOnce } from "../shared/made_once.js";
import { keepKeys } from "../shared/own_keys.js";
import { sizeWords } from "../shared/size_words.js";

const QUIET_MS = 250; // a held arrow key lets go many times a second
const LATEST = -1; // the last frame, also when more have come

let ids = 0;

export default function (component) {
  madeOnce(component.parentElement, createSlider).update(component);
  return destroyedWithNode(component.parentElement);
}

function decode(bytes) {
  const size = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + size)));
  return { ...head, numbers: new Float32Array(bytes.slice(4 + size).buffer) };
}

function createSlider(parent) {
  const root = parent.querySelector(".scrub-slider");
  const id = `scrub-slider-${ids++}`;
  root.innerHTML = `
    <div class="top"><label for="${id}"></label><output class="exact" for="${id}"></output></div>
    <input class="range" id="${id}" type="range" min="0" step="1">`;
  const [label, output, range] = ["label", "output", ".range"].map((selector) => root.querySelector(selector));

  let component = null;
  let data = null;
  let bytes = null;
  let timer = 0;
  let drawing = false;
  let wanted = false;
  let drawn = 0;
  let moves = false; // whether pictures have axes of their own; on a common one the reader's zoom stays

  const frame = () => Number(range.value);
  const isLast = () => frame() === Number(range.max);
  const traces = () =>
    Array.from({ length: data.traces }, (_, k) => {
      const start = (frame() * data.traces + k) * data.points;
      return Array.from(data.numbers.subarray(start, start + data.points), (y) => (Number.isFinite(y) ? y : null));
    });

  // --- the chart, which another component owns and may redraw or replace at any time ---

  const chart = () => document.querySelector(`.live-chart[data-key="${CSS.escape(data.chart)}"]`);

  async function draw() {
    wanted = true;
    if (drawing) return; // the loop below draws the newest
    drawing = true;
    try {
      while (wanted) {
        wanted = false;
        const plot = chart()?.querySelector(".live-chart-plot");
        if (!plot?.data || !globalThis.Plotly) return; // it is not drawn yet: the observer below waits for it
        const indices = Array.from({ length: data.traces }, (_, k) => k);
        const y = traces();
        const customdata = y.map((sizes) => sizes.map(sizeWords)); // what the hover says
        const layout = charts.get(data.chart)?.titled(data.titles[frame()]) ?? {};
        if (moves) layout["yaxis.range"] = [...data.ranges[frame()]];
        await globalThis.Plotly.update(plot, { y, customdata }, layout, indices);
        root.dataset.drawn = String(++drawn);
        await new Promise(requestAnimationFrame);
      }
    } finally {
      drawing = false;
    }
  }

  // The symbols below the axis are of the step on which the hand has let go; at another one they would be wrong.
  function showSymbols() {
    const plot = chart()?.querySelector(".live-chart-plot");
    const ofStep = (plot?.data ?? []).flatMap((trace, k) => (trace.yaxis === "y2" ? [k] : []));
    if (ofStep.length) globalThis.Plotly?.restyle(plot, { visible: frame() === data.frame }, ofStep);
  }

  let watched = null;
  const redrawn = new MutationObserver(draw);
  function watch() {
    const node = chart();
    if (!node || node === watched) return;
    watched = node;
    redrawn.disconnect();
    redrawn.observe(node, { attributes: true, attributeFilter: ["data-redraws"] });
  }

  // --- the hand ---

  const say = () => {
    output.textContent = data.texts[frame()];
    range.setAttribute("aria-valuetext", data.texts[frame()]);
    const part = frame() / Math.max(1, data.texts.length - 1);
    range.style.setProperty("--filled", `calc(9px + ${part} * (100% - 18px))`);
  };
  range.addEventListener("input", () => {
    clearTimeout(timer);
    say();
    watch();
    showSymbols();
    draw();
  });
  range.addEventListener("change", () => {
    clearTimeout(timer);
    timer = setTimeout(() => component.setStateValue("frame", isLast() ? LATEST : frame()), QUIET_MS);
  });
  keepKeys(root);

  function update(next) {
    component = next;
    if (next.data === bytes) return;
    const follows = bytes === null || isLast(); // from then on the hand knows better, unless it stands at the end
    bytes = next.data;
    data = decode(bytes);
    root.dataset.key = data.key;
    label.textContent = data.label;
    range.max = String(data.texts.length - 1);
    moves = new Set(data.ranges.map(String)).size > 1;
    if (follows) range.value = String(data.frame);
    say();
    watch();
  }

  const destroy = () => {
    clearTimeout(timer);
    redrawn.disconnect();
  };

  return { update, destroy };
}
