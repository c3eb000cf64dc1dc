// The nodes are made once and kept (see made_once.js), or the thumb would be torn from the pointer.

import { madeOnce } from "../shared/made_once.js";
import { keepKeys } from "../shared/own_keys.js";

const THROTTLE_MS = 60;
const GIVE_UP_MS = 1000; // an answer that never comes must not freeze the slider
const REST_MS = 250; // after the last key press, where somebody else draws meanwhile
const DIGITS = 3; // significant digits that are shown

let ids = 0;

export default function (component) {
  const create = (parent) => createSlider(parent, component.data.sequence);
  madeOnce(component.parentElement, create).update(component);
}

function createSlider(parent, firstSequence) {
  const root = parent.querySelector(".live-slider");
  const id = `live-slider-${ids++}`;
  root.innerHTML = `
    <div class="top">
      <label for="${id}"></label>
      <span class="help"><button type="button" class="why"></button><span class="tip" role="tooltip" id="${id}-tip"></span></span>
      <span class="exact">
        <input class="number" type="text" inputmode="decimal" autocomplete="off" spellcheck="false">
        <span class="unit"></span>
      </span>
    </div>
    <input class="range" id="${id}" type="range" min="0" step="1">
    <div class="said" role="status"></div>`;
  const find = (selector) => root.querySelector(selector);
  const [label, help, why, tip] = [find("label"), find(".help"), find(".why"), find(".tip")];
  const [number, unit, range, said] = [find(".number"), find(".unit"), find(".range"), find(".said")];

  let component = null;
  let data = null;
  let value = NaN;
  let revision = -1;
  let held = false; // a pointer is down on the thumb
  let unsent = false;
  let sequence = firstSequence;
  let answered = true;
  let sentAt = -Infinity;
  let timer = 0;

  // The range input counts steps, so that linear and logarithmic scales share its keyboard handling.
  const decades = () => Math.log10(data.maximum / data.minimum);
  const positions = () =>
    Math.ceil((data.logarithmic ? decades() : data.maximum - data.minimum) / data.step - 1e-9);
  const valueAt = (position) => {
    if (position >= positions()) return data.maximum;
    if (position <= 0) return data.minimum;
    return data.logarithmic
      ? Number((data.minimum * 10 ** (position * data.step)).toPrecision(DIGITS + 1))
      : Number((data.minimum + position * data.step).toPrecision(12)); // 0.1 * 3 is 0.3
  };
  const positionOf = (x) =>
    (data.logarithmic ? Math.log10(x / data.minimum) : x - data.minimum) / data.step;

  const digits = (x) => {
    const exponent = x === 0 ? 0 : Math.floor(Math.log10(Math.abs(x)));
    if (data.whole && exponent < 7) return String(x);
    if (exponent < -3 || exponent >= Math.max(6, DIGITS)) {
      return x.toExponential(DIGITS - 1).replace("e+", "e");
    }
    return x.toFixed(Math.max(0, DIGITS - 1 - exponent)).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "");
  };
  const word = (x) => (x === data.minimum && data.least) || (x === data.maximum && data.most) || "";
  const shorten = (x) => word(x) || digits(x);

  const show = () => {
    const position = positionOf(value);
    range.max = String(positions());
    if (!held) range.value = String(Math.round(position));
    const text = shorten(value);
    range.setAttribute("aria-valuetext", data.unit ? `${text} ${data.unit}` : text);
    const part = Math.min(1, Math.max(0, position / positions()));
    range.style.setProperty("--filled", `calc(9px + ${part} * (100% - 18px))`);
    if (parent.activeElement !== number) number.value = text;
    number.setAttribute("aria-invalid", "false");
  };

  // --- sending: the newest value only, when the server is free; the last one always arrives ---

  // The echo of `sequence` comes when the script reaches the slider, before the charts below it. Waiting for the
  // end of the script as well sends a fresher value next, and never interrupts a run that is about to draw.
  const running = () => document.querySelector("[data-test-script-state='running']") !== null;

  const send = () => {
    const waited = performance.now() - sentAt;
    const free = (answered && !running()) || waited >= GIVE_UP_MS;
    if (waited < THROTTLE_MS || !free) {
      clearTimeout(timer);
      timer = setTimeout(send, Math.max(THROTTLE_MS - waited, 8));
      return;
    }
    unsent = false;
    answered = false;
    sentAt = performance.now();
    sequence += 1;
    component.setStateValue("message", { value, revision, sequence });
  };

  // Whether the page has yet to draw what the hand did last.
  const isPending = () => root.isConnected && (held || unsent || !answered);

  // Where live_lab.js draws what the hand does, the page itself hears of it once the hand lets go.
  const isTaken = () => {
    const detail = { changes: { [data.key]: value }, isPending };
    return !document.dispatchEvent(new CustomEvent("gradient-flow-move", { detail, cancelable: true }));
  };

  const choose = (x) => {
    said.textContent = "";
    value = Math.min(data.maximum, Math.max(data.minimum, data.whole ? Math.round(x) : x));
    show();
    if (isTaken()) {
      unsent = true;
      clearTimeout(timer);
      if (!held) timer = setTimeout(send, REST_MS);
    } else if (!unsent) {
      unsent = true;
      send();
    }
  };

  const letGo = () => {
    held = false;
    if (unsent) send();
  };

  // --- the hand ---

  range.addEventListener("pointerdown", () => (held = true));
  // A drag may end outside the thumb, or be taken over by a scroll.
  for (const end of ["pointerup", "pointercancel", "lostpointercapture", "blur"]) {
    range.addEventListener(end, letGo);
  }
  range.addEventListener("change", () => held && letGo());
  range.addEventListener("input", () => choose(valueAt(Number(range.value))));

  const read = () => {
    const text = number.value.trim().replace(",", ".").replace("−", "-");
    if (data.least && text.toLowerCase() === data.least) return data.minimum;
    if (data.most && text.toLowerCase() === data.most) return data.maximum;
    const x = text === "" ? NaN : Number(text);
    return Number.isFinite(x) ? x : null;
  };
  const commit = () => {
    const [typed, x] = [number.value.trim(), read()];
    const isAllowed = x !== null && x >= data.minimum && x <= data.maximum;
    if (x !== null && x !== value) choose(x);
    if (!isAllowed) {
      const words = [data.least, data.most].filter(Boolean).map((one) => `, or ${one}`);
      const allowed = `${digits(data.minimum)} to ${digits(data.maximum)}${words.join("")}`;
      said.textContent = `${data.label} was ${typed.slice(0, 20) || "empty"}; allowed: ${allowed}. It is ${shorten(value)} now.`;
    }
    number.value = parent.activeElement === number ? exact() : shorten(value);
    number.setAttribute("aria-invalid", "false");
  };
  const exact = () => word(value) || String(value); // all digits, for editing
  number.addEventListener("focus", () => {
    number.value = exact();
    number.select();
  });
  number.addEventListener("input", () => number.setAttribute("aria-invalid", String(read() === null)));
  number.addEventListener("change", commit);
  number.addEventListener("blur", () => {
    number.value = shorten(value);
    number.setAttribute("aria-invalid", "false");
  });
  number.addEventListener("keydown", (event) => {
    const move = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (move) {
      event.preventDefault();
      choose(valueAt(Math.round(positionOf(value)) + move));
      number.value = exact();
    } else if (event.key === "Enter") {
      commit();
      number.select();
    } else if (event.key === "Escape") {
      number.value = exact();
      number.select();
    }
  });
  why.addEventListener("keydown", (event) => help.classList.toggle("dismissed", event.key === "Escape"));
  help.addEventListener("mouseenter", () => help.classList.remove("dismissed"));
  keepKeys(root);

  const update = (next) => {
    component = next;
    data = next.data;
    label.textContent = data.label;
    unit.textContent = data.unit;
    tip.textContent = data.help;
    help.hidden = !data.help;
    why.setAttribute("aria-label", `About ${data.label}`);
    number.setAttribute("aria-label", `${data.label}, exact value`);
    if (data.help) range.setAttribute("aria-describedby", `${id}-tip`);
    else range.removeAttribute("aria-describedby");
    root.dataset.key = data.key;

    if (data.sequence === sequence) answered = true;
    const setByCode = data.revision !== revision;
    revision = data.revision;
    if (setByCode && held) {
      // The hand wins while it holds the thumb: its value is sent again under the new revision.
      if (!unsent) choose(value);
    } else if (setByCode || (!held && !unsent && answered)) {
      value = data.value;
      if (setByCode) {
        unsent = false;
        said.textContent = "";
        clearTimeout(timer);
        if (parent.activeElement === number) number.value = exact();
      }
    }
    show();
  };

  return { update };
}
