// The server writes the tables when it is asked for; the browser has the charts and draws them into files.

import { charts } from "../shared/charts.js";
import { saveFile } from "../shared/image_file.js";
import { destroyedWithNode, madeOnce } from "../shared/made_once.js";
import { zipFile } from "../shared/zip_file.js";

const encoder = new TextEncoder();

export default function (component) {
  madeOnce(component.parentElement, create).update(component);
  return destroyedWithNode(component.parentElement);
}

function create(parent) {
  const button = document.createElement("button");
  button.type = "button";
  parent.querySelector(".all-figures").append(button);
  let component = null;
  let wanted = 0; // the number of the press that is still to be answered

  button.addEventListener("click", () => {
    wanted = Date.now();
    button.disabled = true;
    component.setStateValue("asked", wanted);
  });

  async function save(texts) {
    try {
      const files = Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, encoder.encode(text)]));
      const keys = Object.keys(texts).filter((name) => name.endsWith(".csv")).map((name) => name.slice(0, -4));
      const names = keys.flatMap((key) => ["svg", "png"].map((format) => [key, format]));
      const pictures = await Promise.all(names.map(([key, format]) => charts.get(key)?.picture(format)));
      for (const [k, [key, format]] of names.entries()) if (pictures[k]) files[`${key}.${format}`] = pictures[k];
      saveFile(zipFile(files), "figures.zip", "application/zip");
    } finally {
      button.disabled = false;
    }
  }

  function update(next) {
    component = next;
    const data = JSON.parse(new TextDecoder().decode(next.data));
    button.textContent = data.label;
    button.title = data.help;
    if (wanted && data.asked === wanted) {
      wanted = 0;
      component.setStateValue("asked", 0); // the server need not write them again
      save(data.files);
    }
  }

  return { update, destroy: () => {} };
}
