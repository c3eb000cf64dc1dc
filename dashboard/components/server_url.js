// Where the server is. The page's own address changes with navigation, and a proxy may add a prefix; where Streamlit's
// own code came from is where the server is.

function serverUrl(path) {
  const own = performance
    .getEntriesByType("resource")
    .map((entry) => entry.name.split("/static/js/"))
    .find((parts) => parts.length === 2);
  return new URL(path, own ? `${own[0]}/` : document.baseURI).href;
}
