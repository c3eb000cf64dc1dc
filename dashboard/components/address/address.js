// Streamlit adds an entry to the browser's history for every address that a page sets: one per release of a slider. Once
// this component has been on a page, the address is replaced instead, so that *Back* leads to the page before. That also
// holds between two pages, while neither has its component: a page that sets its own address as it opens is one step.

const push = history.pushState;
let steps = []; // parameters whose changes are entries all the same
let last = null; // the latest change on one page: what the entry was before, and whether the new address is one of its own
let pressed = 0; // when a button or key was last pressed; the clock may be too coarse to tell it from what follows

for (const press of ["pointerdown", "keydown"]) {
  document.addEventListener(press, () => (pressed = performance.now()), { capture: true, passive: true });
}

history.pushState = function (...entry) {
  const wanted = new URL(entry[2] ?? "", location.href);
  return wanted.pathname === location.pathname ? stay(wanted, entry) : leave(wanted, entry);
};

function stay(wanted, entry) {
  const now = new URLSearchParams(location.search);
  const isStep = steps.some((name) => wanted.searchParams.get(name) !== now.get(name));
  // A page that has just been sent here may settle its parameters before its path comes, and drop some of them.
  const settles = last && last.at >= pressed && [...wanted.searchParams].every(([name, value]) => now.get(name) === value);
  const { from, state } = settles ? last : { from: location.href, state: history.state };
  last = { from, state, isStep, at: performance.now() };
  (isStep ? push : history.replaceState).apply(history, entry);
  last.to = location.href;
}

// Streamlit sends the parameters of another page while this one is still shown: for a moment this page has them. They come
// after the press of the button that leads there; this page's own may be the same ones.
function leave(wanted, entry) {
  const isSame = last?.to === location.href && wanted.search !== "" && wanted.search === location.search;
  const isOnTheWay = isSame && last.at >= pressed;
  if (isOnTheWay && last.isStep) return history.replaceState(...entry);
  if (isOnTheWay) history.replaceState(last.state, "", last.from);
  return push.apply(history, entry);
}

export default function (component) {
  steps = component.data.steps;
}
