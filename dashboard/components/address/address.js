// Streamlit adds an entry to the browser's history for every address that a page sets: one per release of a slider. On a
// page with this component, the address is replaced instead, so that *Back* leads to the page before.

import { destroyedWithNode, madeOnce } from "../shared/made_once.js";

const push = history.pushState;
let pages = 0; // with this component, now on the screen
let steps = []; // parameters whose changes are entries all the same

function isStep(url) {
  const wanted = new URL(url ?? "", location.href);
  const now = new URLSearchParams(location.search);
  const changes = steps.some((name) => wanted.searchParams.get(name) !== now.get(name));
  return pages === 0 || changes || wanted.pathname !== location.pathname;
}

history.pushState = function (...entry) {
  return (isStep(entry[2]) ? push : history.replaceState).apply(history, entry);
};

export default function (component) {
  steps = component.data.steps;
  madeOnce(component.parentElement, () => {
    pages += 1;
    return { destroy: () => (pages -= 1) };
  });
  return destroyedWithNode(component.parentElement);
}
