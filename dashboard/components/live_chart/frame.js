// A frame of a drag: the numbers, the axes' ranges and the title have changed, and nothing else. Part of live_chart.js.
//
// Plotly.react works everything out anew: every default, the legend, the margins, the buttons. A frame gives the new
// numbers to Plotly's own traces, which recalculate their points, and Plotly's own redraw for a new axis range draws
// them. So the picture is Plotly's, and what a pointer finds in it is true. On a slow core the profile of three cells
// over 200 timesteps takes the page 14 ms so, layout and paint included, and 31 ms with Plotly.react.
// What a frame leaves alone (Plotly's own bookkeeping) is put right by the whole redraw that follows the last frame.

const ARRAYS = ["x", "y", "z", "text", "customdata"];
const AXIS = /^[xy]axis\d*$/;

export function createFrames(plot) {
  let drawn = null; // the kind of the figure that is drawn; null where no frame may follow

  return {
    // Draws a whole figure, after which frames may follow.
    async whole(Plotly, traces, layout, settings) {
      drawn = null;
      const next = kind(traces, layout); // Plotly writes into what it draws
      await Plotly.react(plot, traces, layout, settings);
      drawn = next;
    },
    // Draws a figure that differs from the last one as a frame does. False where it does not, or where Plotly is not
    // made as this file takes it to be: then the figure is to be drawn as a whole.
    async frame(Plotly, traces, layout) {
      if (drawn === null || kind(traces, layout) !== drawn || !traces.every(isPlain)) return false;
      try {
        const title = layout.title?.text ?? "";
        if (!write(plot.querySelector(".gtitle"), plot.layout.title?.text ?? "", title)) return false;
        for (const [k, trace] of traces.entries()) recalculate(plot, k, trace);
        for (const known of [plot.layout, plot._fullLayout]) {
          if (layout.title) known.title.text = title;
          known.meta = layout.meta;
        }
        await Plotly.relayout(plot, ranges(plot, layout));
        return true;
      } catch {
        drawn = null;
        return false;
      }
    },
  };
}

// All of a figure that a frame cannot change, as one string.
function kind(traces, layout) {
  const fixed = traces.map((trace) => without(trace, ARRAYS));
  const axes = Object.entries(layout).filter(([name]) => AXIS.test(name));
  const held = axes.map(([name, axis]) => [name, without(axis, ["range"])]);
  return JSON.stringify([fixed, { ...layout, ...Object.fromEntries(held), title: without(layout.title ?? {}, ["text"]), meta: null }]);
}

const without = (object, names) => Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)));

// Traces whose points depend on no other trace, and whose colours on no other number.
const isPlain = (trace) =>
  (trace.type === "scatter" && !trace.stackgroup && !trace.error_x && !trace.error_y) ||
  (trace.type === "heatmap" && trace.zmin !== undefined && trace.zmax !== undefined);

function recalculate(plot, k, trace) {
  const full = plot._fullData[k];
  for (const name of ARRAYS) {
    if (trace[name] === undefined) continue;
    plot.data[k][name] = trace[name];
    full[name] = numbers(trace[name]);
  }
  if (full.visible !== true) return; // a reader has hidden it
  if (trace.type === "scatter") full._length = Math.min(full.x?.length ?? Infinity, full.y?.length ?? Infinity);
  const points = full._length === 0 ? [] : full._module.calc(plot, full);
  if (!points.length) points.push({});
  points[0].t ??= {};
  points[0].trace = full;
  plot.calcdata[k] = points;
}

const TYPES = {
  i1: Int8Array, u1: Uint8Array, i2: Int16Array, u2: Uint16Array, i4: Int32Array, u4: Uint32Array,
  f4: Float32Array, f8: Float64Array,
};

// What Plotly makes of an array that travels as base64: one typed array, or one for each row.
function numbers(given) {
  if (given?.bdata === undefined) return given;
  const letters = atob(given.bdata);
  const bytes = new Uint8Array(letters.length);
  for (let k = 0; k < letters.length; k++) bytes[k] = letters.charCodeAt(k); // a tenth of `Uint8Array.from`'s time
  const flat = new TYPES[given.dtype](bytes.buffer);
  const [rows, columns] = String(given.shape ?? flat.length).split(",").map(Number);
  if (columns === undefined) return flat;
  return Array.from({ length: rows }, (_, row) => flat.subarray(row * columns, (row + 1) * columns));
}

// The new ranges, each as `yaxis.range`; the first axis's always, since it makes Plotly draw.
function ranges(plot, layout) {
  const axes = Object.entries(layout).filter(([name, axis]) => AXIS.test(name) && axis.range);
  const isSame = ([name, { range }]) => range.every((end, k) => end === plot.layout[name].range[k]);
  const changed = axes.filter((axis, k) => k === 0 || !isSame(axis));
  return Object.fromEntries(changed.map(([name, { range }]) => [`${name}.range`, [...range]]));
}

// Writes other words between the same tags. Plotly has made a text node of each piece between two tags; nodes of a
// zero-width space are its own.
function write(node, before, now) {
  if (before === now) return true;
  const [old, pieces] = [before, now].map((text) => text.split(/(<[^<>]*>)/));
  const isTag = (_, k) => k % 2 === 1;
  if (old.filter(isTag).join("") !== pieces.filter(isTag).join("") || now.includes("&")) return false;
  const texts = pieces.filter((_, k) => k % 2 === 0);
  const walker = document.createTreeWalker(node, NodeFilter.SHOW_TEXT);
  const nodes = [];
  while (walker.nextNode()) if (walker.currentNode.data !== "\u200b") nodes.push(walker.currentNode);
  if (nodes.length !== texts.length) return false;
  for (const [k, text] of texts.entries()) if (nodes[k].data !== text) nodes[k].data = text;
  node.dataset.unformatted = now;
  return true;
}
