// The drawing is made once a size; each answer of the server only says what is newest.

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

const SEND_AFTER_MS = 200; // after the last key; a drag sends when it ends

export default function (component) {
  const data = JSON.parse(new TextDecoder().decode(component.data));
  const create = (parent) => createCurve(parent, data.sequence);
  madeOnce(component.parentElement, create).update(component, data);
}

function createCurve(parent, firstSequence) {
  const root = parent.querySelector(".draw-curve");
  let component = null;
  let data = null;
  let values = null;
  let drawn = ""; // the data and the size that the drawing was made for
  let marks = null;

  const send = (sequence) => component.setStateValue("message", { values: [...values], sequence });
  const hand = createHand(send, SEND_AFTER_MS, firstSequence);
  const superscript = (n) =>
    String(n).replace("-", "⁻").replace(/[0-9.]/g, (d) => (d === "." ? "·" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[d]));
  const margin = () => ({ left: 62 * data.larger, right: 22, top: 14, bottom: 48 * data.larger });
  const size = () => ({ width: Math.max(240, root.clientWidth), height: data.height });
  const last = () => data.lags.at(-1);
  const x = (lag) => margin().left + (lag / last()) * (size().width - margin().left - margin().right);
  const y = (value) =>
    margin().top + ((data.highest - value) / (data.highest - data.lowest)) * (size().height - margin().top - margin().bottom);
  const valueAt = (pixel) => {
    const { top, bottom } = margin();
    return data.highest - ((pixel - top) / (size().height - top - bottom)) * (data.highest - data.lowest);
  };
  const rounded = (value) =>
    Number(Math.min(data.highest, Math.max(data.lowest, Math.round(value / data.step) * data.step)).toFixed(6));

  function build() {
    const { width, height } = size();
    root.style.setProperty("--larger", data.larger);
    root.replaceChildren();
    root.dataset.key = data.key;
    const svg = svgNode("svg", { viewBox: `0 0 ${width} ${height}`, height, role: "group", "aria-label": data.label }, root);
    const span = data.highest - data.lowest;
    const tick = [1, 2, 5, 10, 20].find((t) => span / t <= 6) ?? 50;
    for (let v = Math.ceil(data.lowest / tick) * tick; v <= data.highest; v += tick) {
      svgNode("line", { class: v === 0 ? "level" : "grid", x1: x(0), x2: x(last()), y1: y(v), y2: y(v) }, svg);
      const label = svgNode("text", { x: x(0) - 10, y: y(v) + 5, "text-anchor": "end" }, svg);
      label.textContent = v === 0 ? "1" : `10${superscript(v)}`;
    }
    for (const lag of [0, ...data.lags]) {
      svgNode("line", { class: "grid", x1: x(lag), x2: x(lag), y1: y(data.highest), y2: y(data.lowest) }, svg);
      const label = svgNode("text", { x: x(lag), y: y(data.lowest) + 18 * data.larger, "text-anchor": "middle" }, svg);
      label.textContent = lag;
    }
    const below = svgNode("text", { x: (x(0) + x(last())) / 2, y: height - 8, "text-anchor": "middle" }, svg);
    below.textContent = data.x;
    const beside = svgNode("text", { transform: `translate(${13 * data.larger} ${(y(data.lowest) + y(data.highest)) / 2}) rotate(-90)`, "text-anchor": "middle" }, svg);
    beside.textContent = data.y;
    const line = svgNode("polyline", { class: "drawn" }, svg);
    svgNode("circle", { class: "start", cx: x(0), cy: y(0), r: 5 }, svg);
    const points = data.lags.map((lag, k) => {
      const label = `${data.y} at ${lag}, as a power of ten`;
      const { lowest, highest } = data;
      const point = verticalPoint(svg, { x: x(lag), label, lowest, highest, reach: 22, radius: 10 });
      point.setAttribute("tabindex", 0);
      point.addEventListener("pointerdown", (event) => {
        point.focus();
        hand.take(k, point, event);
      });
      point.addEventListener("pointermove", (event) => {
        if (hand.held() === k) move(k, valueAt(event.clientY - svg.getBoundingClientRect().top));
      });
      for (const end of DRAG_ENDS) point.addEventListener(end, () => hand.held() === k && hand.letGo());
      point.addEventListener("keydown", (event) => press(event, k));
      return point;
    });
    marks = { line, points };
  }

  function press(event, k) {
    const { step } = data;
    const by = { ArrowUp: step, ArrowRight: step, ArrowDown: -step, ArrowLeft: -step, PageUp: 4 * step, PageDown: -4 * step };
    const to = keyTarget(event.key, values[k], data, by);
    if (to === undefined) return;
    event.preventDefault();
    move(k, to);
    hand.sendSoon();
  }

  function move(k, value) {
    values[k] = rounded(value);
    show();
  }

  function show() {
    marks.line.setAttribute("points", [[0, 0], ...data.lags.map((lag, k) => [lag, values[k]])].map(([a, b]) => `${x(a)},${y(b)}`).join(" "));
    marks.points.forEach((point, k) => {
      placePoint(point, y(values[k]), values[k]);
      point.setAttribute("aria-valuetext", `10 to the ${values[k]}`.replace("-", "minus "));
    });
  }

  function refresh() {
    const wanted = JSON.stringify([{ ...data, values: null, sequence: null }, size().width]);
    if (wanted !== drawn && hand.held() < 0) {
      const focus = focusedPoint(root, marks?.points ?? []);
      build();
      drawn = wanted;
      if (focus >= 0) marks.points[focus].focus();
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
      if (!values || (!hand.isBusy() && data.values)) values = [...(data.values ?? data.lags.map(() => 0))];
      refresh();
    },
  };
}
