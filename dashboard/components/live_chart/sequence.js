// The sequence under a chart's time axis: which of its symbols there is room for, and the name of the timestep under the
// pointer, in every chart of the page at once. Part of live_chart.js.

import { charts } from "../shared/charts.js";

const MARGINS = 90; // pixels beside the axis
const LETTER = 6.6; // pixels
const GAP = 4;

// The traces, with those symbols left out that would lie on others at this width; the first ones stay.
export function fitting(traces, layout, width) {
  const [low, high] = layout.xaxis?.range ?? [0, 1];
  return traces.map((trace) => {
    if (!trace.meta?.fits || !width) return trace;
    const place = (x) => ((x - low) / (high - low)) * Math.max(width - MARGINS, 1);
    const taken = [];
    const text = trace.text.map(() => "");
    for (const k of text.keys()) {
      const letters = trace.text[k].replace(/&\w+;/g, "x").length;
      const half = (letters * LETTER + (letters > 1 ? GAP : 0)) / 2;
      const [from, to] = [place(trace.x[k]) - half, place(trace.x[k]) + half];
      if (taken.some(([start, end]) => from < end && start < to)) continue;
      taken.push([from, to]);
      text[k] = trace.text[k];
    }
    return { ...trace, text };
  });
}

// A line at a timestep and its name. `say` takes the timestep, or null for none.
export function createStep(root, plot) {
  const line = document.createElement("div");
  line.className = "live-chart-step";
  line.hidden = true;
  const name = document.createElement("span");
  line.append(name);
  root.append(line);

  function say(t) {
    const { xaxis, yaxis, meta } = plot._fullLayout ?? {};
    const symbol = meta?.symbols?.[t - 1];
    line.hidden = t === null || symbol === undefined || !xaxis?.l2p;
    if (line.hidden) return;
    const x = xaxis._offset + xaxis.l2p(t);
    line.style.left = `${x}px`;
    line.style.top = `${yaxis._offset}px`;
    line.style.height = `${plot._fullLayout.height - yaxis._offset - plot._fullLayout.margin.b}px`;
    line.classList.toggle("turned", x > plot.offsetWidth / 2);
    name.textContent = `t = ${t}: ${symbol}`;
  }

  const everywhere = (t) => {
    for (const chart of charts.values()) chart.say(t);
  };
  return {
    say,
    follow() {
      plot.on("plotly_hover", ({ points }) => plot._fullLayout.meta?.symbols && everywhere(points[0].x));
      plot.on("plotly_unhover", () => everywhere(null));
    },
  };
}
