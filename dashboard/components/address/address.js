// Streamlit adds an entry to the browser's history for every address that a page sets: one per release of a slider. On a
// page with this component, the address is replaced instead, so that *Back* leads to the page before.

import { destroyedWithNode, madeOnce } from "../shared/made_once.js";

const push = history.pushState;
let pages = 0; // with this component, now on the screen

history.pushState = function (...entry) {
  const stays = new URL(entry[2] ?? "", location.href).pathname === location.pathname;
  return (pages > 0 && stays ? history.replaceState : push).apply(history, entry);
};

export default function (component) {
  madeOnce(component.parentElement, () => {
    pages += 1;
    return { destroy: () => (pages -= 1) };
  });
  return destroyedWithNode(component.parentElement);
}
