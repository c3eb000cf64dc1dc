// How a chart looks on this page and at this width. Part of live_chart.js.

export function themeOf(element) {
  const style = getComputedStyle(element);
  const variable = (name) => style.getPropertyValue(`--st-${name}`).trim();
  return {
    text: variable("text-color"),
    background: variable("background-color"),
    panel: variable("secondary-background-color"),
    border: variable("border-color"),
    font: variable("font"),
    accent: variable("primary-color"),
    larger: parseFloat(getComputedStyle(document.documentElement).fontSize) / 16, // on a projector, or as a reader has set
  };
}

export const NARROW = 480; // pixels: a phone, or a third of a page
const LOW = 330; // pixels
const FLAT = 0.65; // a space's height over its width: its camera sees a given height, and a higher one is cut at its sides
const pen = document.createElement("canvas").getContext("2d");

// Where a chart stands: its width, its theme, and how high the page's rules let it be.
export function placeOf(root, parent) {
  const style = getComputedStyle(root);
  const pixels = (name) => parseFloat(style.getPropertyValue(name));
  const [least, most] = [pixels("--chart-least") || 0, pixels("--chart-most") || Infinity];
  return { width: root.offsetWidth, theme: themeOf(parent), least, most };
}

// A figure's layout and height at its place, `below` pixels of which are another's, and what tells this picture from every
// other. A figure may bring another layout for a narrow page, for the same traces.
export function seenAt({ width, theme, least, most }, { figure, height, revision }, below) {
  const narrow = width && width < NARROW && figure.layout?.meta?.narrow;
  const given = narrow ? { ...figure.layout, ...narrow } : (figure.layout ?? {});
  const legend = given.meta?.exact ? 0 : legendRoom(figure.data ?? [], given, width, theme);
  const wanted = (narrow ? narrow.height : height) + legend;
  const atLeast = given.scene ? Math.min(least, Math.max(wanted, FLAT * width)) : least;
  const high = Math.max(atLeast, Math.min(most, wanted + below)) - below;
  const fitted = fit(given, width, high, theme);
  const room = given.meta?.symbols && Math.round(width / 20); // for symbols
  const signature = `${revision} ${high} ${JSON.stringify([theme, fitted, room])}`;
  return { layout: { ...given, ...fitted }, height: high, signature };
}

const MARK = 45; // pixels of a line's sample in a legend
const ROW = 19; // pixels
const USUAL_ROWS = 2;

// Pixels of a legend below its chart, beyond the rows that every chart has room for: they must not be the lines' own.
function legendRoom(data, layout, width, theme) {
  const below = width < NARROW || layout.legend?.yref === "container";
  if (!width || !below || layout.showlegend === false) return 0;
  const size = (layout.font?.size ?? layout.template?.layout?.font?.size ?? 12) * theme.larger;
  pen.font = `${size}px ${theme.font}`;
  const named = data.filter(({ name, showlegend, type }) => name && showlegend !== false && /^(scatter|bar)$/.test(type));
  const widths = named.map(({ name }) => pen.measureText(name.replace(/<[^>]*>/g, "")).width + MARK);
  const { l = 64, r = 16 } = { ...layout.template?.layout?.margin, ...layout.margin };
  const inner = width - l - r;
  if (widths.reduce((sum, one) => sum + one, 0) <= inner) return 0;
  const rows = Math.ceil(named.length / Math.max(1, Math.floor(inner / Math.max(...widths))));
  return Math.max(0, rows - USUAL_ROWS) * ROW * theme.larger;
}

// What a narrow chart needs: a title in lines as wide as it, and the legend below, where it cannot lie on the title.
function fit(layout, width, height, theme) {
  const text = layout.title?.text;
  if (!text || !width) return {};
  const template = layout.template?.layout ?? {};
  const size = layout.title.font?.size ?? titleSize(template, theme);
  pen.font = `${size}px ${theme.font}`;
  const long = (line) => pen.measureText(line.replace(/<[^>]*>/g, "")).width > width - 24;
  const lines = [""];
  for (const word of text.split(" ")) {
    const longer = lines.at(-1) ? `${lines.at(-1)} ${word}` : word;
    if (lines.at(-1) && long(longer)) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  const margin = { ...template.margin, ...layout.margin };
  margin.t = (margin.t ?? 64) + (lines.length - 1) * size * 1.3;
  const pad = { ...template.title?.pad, ...layout.title.pad };
  if (lines.length > 1) pad.t = (pad.t ?? 0) + size * 0.9; // Plotly lifts a text of several lines, of however many
  const changed = lines.length > 1 ? { title: { ...layout.title, pad, text: lines.join("<br>") }, margin } : {};
  if (width < NARROW) {
    const below = { orientation: "h", x: 0, xanchor: "left", yref: "container", y: 0.01, yanchor: "bottom" };
    return { ...changed, legend: { ...layout.legend, ...below } };
  }
  return height < LOW && lines.length === 1 ? lowered(layout, margin, pad) : changed;
}

// A low chart keeps its room for the lines: less of it above the title and around the axis's name.
function lowered(layout, margin, pad) {
  const { xaxis } = layout;
  const axis = xaxis?.title ? { xaxis: { ...xaxis, title: { ...xaxis.title, standoff: 2 } } } : {};
  return { margin: { ...margin, t: margin.t - 10 }, title: { ...layout.title, pad: { ...pad, t: 6 } }, ...axis };
}

const titleSize = (template, theme) => (template.title?.font?.size ?? 16) * theme.larger;

// The theme goes into the template: what the figure sets itself still wins.
export function dressed(layout, key, height, theme) {
  const template = layout.template ?? {};
  const base = template.layout ?? {};
  const clear = "rgba(0,0,0,0)";
  const axis = { gridcolor: theme.border, linecolor: theme.border, zerolinecolor: theme.border, tickcolor: theme.border };
  const axes = Object.fromEntries(
    ["xaxis", "yaxis"].map((name) => [name, { automargin: true, ...base[name], ...axis }]),
  );
  const look = {
    ...base,
    ...axes,
    paper_bgcolor: clear,
    plot_bgcolor: clear,
    font: { ...base.font, size: (base.font?.size ?? 12) * theme.larger, color: theme.text, family: theme.font },
    title: { ...base.title, font: { size: titleSize(base, theme), color: theme.text } },
    legend: { ...base.legend, bgcolor: clear },
    hoverlabel: {
      ...base.hoverlabel,
      bgcolor: theme.panel,
      bordercolor: theme.border,
      font: { ...base.hoverlabel?.font, color: theme.text, family: theme.font },
    },
    modebar: { ...base.modebar, bgcolor: clear, color: theme.text, activecolor: theme.accent },
  };
  return {
    uirevision: key, // constant: zoom and hidden traces outlive the data
    ...layout,
    template: { ...template, layout: look },
    height,
    width: undefined,
    autosize: true,
  };
}
