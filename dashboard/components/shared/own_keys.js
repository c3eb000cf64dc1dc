// Streamlit binds single letters for the page, and cannot see that a part of a shadow root has the focus.

export function keepKeys(root) {
  for (const kind of ["keydown", "keyup", "keypress"]) root.addEventListener(kind, (event) => event.stopPropagation());
}
