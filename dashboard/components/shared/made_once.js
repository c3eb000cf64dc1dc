// Streamlit calls the default export again for every answer of the server and every change of theme. What a component
// builds in its node is built at the first call and kept; each call only says what is newest.

const made = new WeakMap();

export function madeOnce(parent, create) {
  if (!made.has(parent)) made.set(parent, create(parent));
  return made.get(parent);
}

// What a component returns where something of it would outlive its node.
export function destroyedWithNode(parent) {
  return () => {
    // Streamlit also cleans up after a call that a newer one has overtaken: only a node that has left the page is done.
    setTimeout(() => {
      if (parent.isConnected) return;
      made.get(parent)?.destroy();
      made.delete(parent);
    });
  };
}
