// Streamlit adds an entry to the browser's history for every address that a page sets: one per release of a slider. Once
// this component has been on a page, the address is replaced instead, so that *Back* leads to the page before. That also
// holds between two pages, while neither has its component: a page that sets its own address as it opens is one step.

const push = history.pushState;
let steps = []; // parameters whose changes are entries all the same

function isStep(url) {
  const wanted = new URL(url ?? "", location.href);
  const now = new URLSearchParams(location.search);
  const changes = steps.some((name) => wanted.searchParams.get(name) !== now.get(name));
  return changes || wanted.pathname !== location.pathname;
}

history.pushState = function (...entry) {
  return (isStep(entry[2]) ? push : history.replaceState).apply(history, entry);
};

export default function (component) {
  steps = component.data.steps;
}
