// Streamlit binds single letters for the page, and cannot see that a part of a shadow root has the focus. Undo and redo
// are the page's, wherever the focus is.

const isUndo = (event) => (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z";

export function keepKeys(root) {
  for (const kind of ["keydown", "keyup", "keypress"]) {
    root.addEventListener(kind, (event) => isUndo(event) || event.stopPropagation());
  }
}
