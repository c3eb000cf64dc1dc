// Streamlit takes no SVG as text of a page, and a picture in a file would not follow the page's colours.

export default function (component) {
  const root = component.parentElement.querySelector(".drawing");
  const { svg } = JSON.parse(new TextDecoder().decode(component.data)); // written by this program, no text of a user
  if (root.dataset.drawn === svg) return;
  root.dataset.drawn = svg;
  root.innerHTML = svg;
}
