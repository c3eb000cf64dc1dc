// The drawing is made once a size; each answer of the server only says what is newest.

const SVG = "http://www.w3.org/2000/svg";
const SEND_AFTER_MS = 200; // after the last key; a drag sends when it ends

export default function (component) {
  madeOnce(component.parentElement, createCurve).update(component);
}

function createCurve(parent) {
  const root = parent.querySelector(".draw-curve");
  let component = null;
  let data = null;
  let values = null;
  let drawn = ""; // the data and the size that the drawing was made for
  let held = -1;
  let timer = 0;
  let marks = null;

  const make = (name, attributes, into) => {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    into?.append(element);
    return element;
  };
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
    const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, height, role: "group", "aria-label": data.label }, root);
    const span = data.highest - data.lowest;
    const tick = [1, 2, 5, 10, 20].find((t) => span / t <= 6) ?? 50;
    for (let v = Math.ceil(data.lowest / tick) * tick; v <= data.highest; v += tick) {
      make("line", { class: v === 0 ? "level" : "grid", x1: x(0), x2: x(last()), y1: y(v), y2: y(v) }, svg);
      const label = make("text", { x: x(0) - 10, y: y(v) + 5, "text-anchor": "end" }, svg);
      label.textContent = v === 0 ? "1" : `10${superscript(v)}`;
    }
    for (const lag of [0, ...data.lags]) {
      make("line", { class: "grid", x1: x(lag), x2: x(lag), y1: y(data.highest), y2: y(data.lowest) }, svg);
      const label = make("text", { x: x(lag), y: y(data.lowest) + 18 * data.larger, "text-anchor": "middle" }, svg);
      label.textContent = lag;
    }
    const below = make("text", { x: (x(0) + x(last())) / 2, y: height - 8, "text-anchor": "middle" }, svg);
    below.textContent = data.x;
    const beside = make("text", { transform: `translate(${13 * data.larger} ${(y(data.lowest) + y(data.highest)) / 2}) rotate(-90)`, "text-anchor": "middle" }, svg);
    beside.textContent = data.y;
    const line = make("polyline", { class: "drawn" }, svg);
    make("circle", { class: "start", cx: x(0), cy: y(0), r: 5 }, svg);
    const points = data.lags.map((lag, k) => {
      const point = make("g", { class: "point", role: "slider", tabindex: 0, "aria-orientation": "vertical", "aria-label": `${data.y} at ${lag}, as a power of ten`, "aria-valuemin": data.lowest, "aria-valuemax": data.highest }, svg);
      make("circle", { class: "hand", cx: x(lag), r: 22 }, point);
      make("circle", { class: "dot", cx: x(lag), r: 10 }, point);
      point.addEventListener("pointerdown", (event) => {
        event.preventDefault();
        point.focus();
        point.setPointerCapture(event.pointerId);
        held = k;
      });
      point.addEventListener("pointermove", (event) => {
        if (held === k) move(k, valueAt(event.clientY - svg.getBoundingClientRect().top));
      });
      for (const end of ["pointerup", "pointercancel", "lostpointercapture"])
        point.addEventListener(end, () => {
          if (held === k) {
            held = -1;
            send();
          }
        });
      point.addEventListener("keydown", (event) => {
        const by = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: 4, PageDown: -4 }[event.key];
        const to = { Home: data.highest, End: data.lowest }[event.key] ?? (by && values[k] + by * data.step);
        if (to === undefined) return;
        event.preventDefault();
        move(k, to);
        clearTimeout(timer);
        timer = setTimeout(send, SEND_AFTER_MS);
      });
      return point;
    });
    marks = { line, points };
  }

  function move(k, value) {
    values[k] = rounded(value);
    show();
  }

  function show() {
    marks.line.setAttribute("points", [[0, 0], ...data.lags.map((lag, k) => [lag, values[k]])].map(([a, b]) => `${x(a)},${y(b)}`).join(" "));
    marks.points.forEach((point, k) => {
      for (const circle of point.children) circle.setAttribute("cy", y(values[k]));
      point.setAttribute("aria-valuenow", values[k]);
      point.setAttribute("aria-valuetext", `10 to the ${values[k]}`.replace("-", "minus "));
    });
  }

  function send() {
    clearTimeout(timer);
    timer = 0;
    component.setStateValue("values", [...values]);
  }

  function refresh() {
    const wanted = JSON.stringify([{ ...data, values: null }, size().width]);
    if (wanted !== drawn && held < 0) {
      const active = parent.activeElement ?? root.getRootNode().activeElement;
      const focus = marks ? marks.points.indexOf(active) : -1;
      build();
      drawn = wanted;
      if (focus >= 0) marks.points[focus].focus();
    }
    show();
  }

  // Streamlit binds single letters for the page, and cannot see that a shadow root's part has the focus.
  for (const kind of ["keydown", "keyup", "keypress"]) root.addEventListener(kind, (event) => event.stopPropagation());
  new ResizeObserver(() => data && refresh()).observe(root);

  return {
    update(next) {
      component = next;
      data = next.data;
      // What the hand is drawing, or has drawn and not yet sent, stands.
      if (!values || (held < 0 && !timer && data.values)) values = [...(data.values ?? data.lags.map(() => 0))];
      refresh();
    },
  };
}
