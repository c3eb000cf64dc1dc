// Points of a drawing that a hand or the keys move up and down: each is a slider of its own for the keys and for a
// screen reader.

const SVG = "http://www.w3.org/2000/svg";
export const DRAG_ENDS = ["pointerup", "pointercancel", "lostpointercapture"];

export function svgNode(name, attributes, into) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  into.append(node);
  return node;
}

// A dot, and around it the circle in which a hand takes it; `placePoint` says how high.
export function verticalPoint(svg, { x, label, lowest, highest, reach, radius }) {
  const aria = { "aria-label": label, "aria-valuemin": lowest, "aria-valuemax": highest };
  const point = svgNode("g", { class: "point", role: "slider", "aria-orientation": "vertical", ...aria }, svg);
  svgNode("circle", { class: "hand", cx: x, r: reach }, point);
  svgNode("circle", { class: "dot", cx: x, r: radius }, point);
  return point;
}

export function placePoint(point, y, value) {
  for (const circle of point.children) circle.setAttribute("cy", y);
  point.setAttribute("aria-valuenow", value);
}

// Where a key moves a point: to an end, or `by` so much; undefined for a key that does not move it.
export function keyTarget(key, value, { lowest, highest }, by) {
  return { Home: highest, End: lowest }[key] ?? (by[key] && value + by[key]);
}

// A new drawing has new points: the one in the place of the one with the focus is to get it. −1 where none has it.
export function focusedPoint(root, points) {
  return points.indexOf(root.getRootNode().activeElement);
}

// The hand holds one point at a time. What it did is sent when it lets go, or a while after the last key, as the next
// in a sequence of messages. The server says which one its answer is for: an answer to an older one is behind the hand.
export function createHand(send, afterKeysMs, firstSequence) {
  let held = -1;
  let timer = 0;
  let sequence = firstSequence;
  let answered = firstSequence;

  const sendNow = () => {
    clearTimeout(timer);
    timer = 0;
    sequence += 1;
    send(sequence);
  };
  return {
    sendNow,
    sendSoon() {
      clearTimeout(timer);
      timer = setTimeout(sendNow, afterKeysMs);
    },
    flush: () => timer && sendNow(),
    take(k, node, event) {
      event.preventDefault();
      node.setPointerCapture(event.pointerId);
      held = k;
    },
    letGo() {
      if (held < 0) return;
      held = -1;
      sendNow();
    },
    held: () => held, // −1: none
    hear: (answer) => (answered = answer),
    // What it is doing stands, and what it has done until the server answers it.
    isBusy: () => held >= 0 || timer !== 0 || answered !== sequence,
  };
}
