// How the charts of a page that stands alone look: the reader's colours, and what a narrow page needs.

const NARROW = 480; // pixels: a phone
const dark = matchMedia("(prefers-color-scheme: dark)");
const pen = document.createElement("canvas").getContext("2d");
const given = new WeakMap(); // chart → the layout that it came with, its title and its upper margin

// A text in lines no wider than so many pixels.
function wrapped(text, width) {
  const lines = [""];
  for (const word of text.split(" ")) {
    const longer = lines.at(-1) ? `${lines.at(-1)} ${word}` : word;
    if (lines.at(-1) && pen.measureText(longer.replace(/<[^>]*>/g, "")).width > width) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  return lines;
}

// A narrow page takes the figure's own layout for it, the title in as many lines as it needs, and the legend below.
function dress(chart) {
  const { title, margin } = chart._fullLayout;
  if (!given.has(chart)) given.set(chart, { layout: structuredClone(chart.layout), text: title.text ?? "", top: margin.t });
  const { layout, text, top } = given.get(chart);
  const { size, family } = title.font;
  pen.font = `${size}px ${family}`;
  const lines = wrapped(text, chart.clientWidth - 24);
  const small = chart.clientWidth < NARROW;
  const narrow = small ? layout.meta?.narrow : undefined;
  const more = (lines.length - 1) * size;
  const high = narrow?.height ?? layout.height;
  const wanted = high && high + 1.3 * more;
  const lower = more && { pad: { ...title.pad, t: size * 0.9 } }; // Plotly lifts a title of several lines
  const under = small && { orientation: "h", x: 0, xanchor: "left", yref: "container", y: 0.01, yanchor: "bottom" };
  const seen = {
    ...layout,
    ...narrow,
    font: { ...layout.font, color: getComputedStyle(document.documentElement).getPropertyValue("--ink").trim() },
    legend: { ...layout.legend, ...under },
    margin: { ...layout.margin, ...narrow?.margin, t: (narrow?.margin?.t ?? top) + 1.3 * more },
    title: { ...layout.title, ...lower, text: lines.join("<br>") },
  };
  const draw = (height) => {
    if (height) chart.style.height = chart.parentElement.style.height = `${height}px`;
    return globalThis.Plotly.react(chart, chart.data, structuredClone({ ...seen, height })); // Plotly writes into it
  };
  const drawn = draw(wanted);
  if (!wanted || !small) return;
  drawn.then(() => {
    const { _size: room, margin: least } = chart._fullLayout;
    draw(wanted + Math.max(0, room.b - least.b)); // what the legend took from the chart
  });
}

const dressAll = () => document.querySelectorAll(".js-plotly-plot").forEach(dress);
addEventListener("load", dressAll);
addEventListener("resize", dressAll);
dark.addEventListener("change", dressAll);
