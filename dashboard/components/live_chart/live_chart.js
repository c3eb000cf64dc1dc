// The plot's node is made once (see made_once.js); each call only says what is newest, and one loop per chart draws it.

import { asking, charts } from "../shared/charts.js";
import { imageFile, saveFile } from "../shared/image_file.js";
import { destroyedWithNode, madeOnce } from "../shared/made_once.js";
import { createFrames } from "./frame.js";
import { NARROW, dressed, placeOf, seenAt, themeOf } from "./look.js";
import { createPlayer } from "./player.js";
import { loadPlotly } from "./plotly.js";
import { createStep, fitting } from "./sequence.js";
import { createToolbar } from "./toolbar.js";
import { createZoom } from "./zoom.js";

const decoder = new TextDecoder();
const REST_MS = 1000; // after the last frame of a drag, the figure is drawn as a whole

export default function (component) {
  const { parentElement, data } = component;
  const message = JSON.parse(decoder.decode(data));
  if (!message.figure) return void loadPlotly(message.plotly).catch(() => {}); // a chart that needs it will say so
  const chart = madeOnce(parentElement, createChart);
  document.dispatchEvent(new CustomEvent("gradient-flow-page-draws")); // see live_lab.js
  chart.want(message);
  chart.hears(component.setTriggerValue);
  return destroyedWithNode(parentElement);
}

// --- one chart ---

function createChart(parent) {
  const root = parent.querySelector(".live-chart");
  const plot = document.createElement("div");
  plot.className = "live-chart-plot";
  // The words are the picture for a screen reader. They lie beside the plot, not on it: an image may contain no buttons,
  // and the plot contains the modebar's.
  const words = document.createElement("div");
  words.className = "live-chart-words";
  words.setAttribute("role", "img");
  const error = document.createElement("p");
  error.className = "live-chart-error";
  error.setAttribute("role", "alert");
  error.hidden = true;
  const player = createPlayer(() => Plotly && plot._fullLayout && Plotly.relayout(plot, { shapes: cover() }));
  root.append(words, plot, error, player.node);
  const cover = () => player.cover(themeOf(parent).background);

  const zoom = createZoom();
  const step = createStep(root, plot);
  const toolbar = createToolbar(plot);
  const frames = createFrames(plot);

  let newest = null;
  let place = null; // where the chart stands: see placeOf
  let aimed = null; // what is to be drawn there: see seenAt
  let drawn = ""; // the signature of the picture that is drawn
  let isFrame = false; // whether a frame has drawn it, see frame.js
  let drawing = false;
  let redraws = 0;
  let rest = 0;
  let Plotly = null;
  let clicked = null; // what tells the server of a click
  let settings = null; // one object for life: Plotly.react rebuilds the whole plot for a new `click` function

  // In a drag the place stays what it was: to ask for it makes the browser lay out the whole page.
  function want(message, inDrag = false) {
    newest = { ...message, inDrag, settings: message.settings ?? newest?.settings ?? {} };
    plot.settings = newest.settings;
    root.dataset.key = message.key;
    charts.set(message.key, chart);
    player.over(message.figure.layout?.meta?.play ?? null);
    aimed = null;
    resize(); // before Plotly has loaded: the page must not jump
    if (!drawn || !visible) say(message.alt);
    clearTimeout(rest);
    if (inDrag) rest = setTimeout(settle, REST_MS);
    catchUp();
  }

  // A question that is on its way will bring another frame.
  function settle() {
    if (asking.size) rest = setTimeout(settle, REST_MS);
    else want(newest);
  }

  const say = (alt) => words.getAttribute("aria-label") === alt || words.setAttribute("aria-label", alt);

  function aim() {
    if (aimed && newest.inDrag) return aimed;
    if (!place || !newest.inDrag) place = placeOf(root, parent);
    return (aimed = seenAt(place, newest, player.height()));
  }

  const resize = () => (root.style.height = `${aim().height + player.height()}px`);

  async function catchUp() {
    if (drawing || !newest) return; // the loop below will find it
    drawing = true;
    try {
      let failed = null; // the same figure would fail again at once; the next answer of the server tries again
      const isDone = ({ signature }) => signature === failed || (signature === drawn && (newest.inDrag || !isFrame));
      for (let wanted = aim(); visible && !isDone(wanted); wanted = aim()) {
        const { revision, alt } = newest;
        const isNew = wanted.signature !== drawn;
        const succeeded = await draw(newest, wanted);
        drawn = succeeded ? wanted.signature : "";
        failed = succeeded ? null : wanted.signature;
        if (!succeeded) continue;
        say(alt);
        root.dataset.revision = revision;
        if (isNew) root.dataset.redraws = String(++redraws);
      }
      say(newest.alt);
    } finally {
      drawing = false;
    }
  }

  async function draw({ figure, key, plotly, inDrag }, { layout: seen, height }) {
    try {
      Plotly = await loadPlotly(plotly);
      settings ??= config(Plotly, parent, zoom);
      const layout = zoom.kept(dressed(seen, key, height, place.theme));
      if (layout.meta?.play) layout.shapes = cover();
      const traces = named(fitting(figure.data ?? [], layout, place.width));
      isFrame = inDrag && (await zoom.unheard(() => frames.frame(Plotly, traces, layout)));
      if (!isFrame) await drawWhole(traces, layout);
      return true;
    } catch (reason) {
      plot.hidden = words.hidden = true;
      error.hidden = false;
      error.textContent = `This figure could not be drawn: ${reason?.message ?? reason}`;
      return false;
    }
  }

  async function drawWhole(traces, layout) {
    plot.hidden = false;
    step.say(null);
    await frames.whole(Plotly, traces, layout, settings);
    if (!redraws) {
      zoom.follow(plot);
      step.follow();
      plot.on("plotly_click", ({ points }) => clicked?.("clicked", clickedOn(points.at(-1))));
    }
    for (const svg of plot.querySelectorAll(".main-svg")) svg.setAttribute("aria-hidden", "true");
    toolbar.oneStop();
    words.hidden = false;
    error.hidden = true;
  }

  // A chart out of sight waits: during a drag, what can be seen gets all the time there is.
  let visible = false;
  const sight = new IntersectionObserver(
    (entries) => {
      visible = entries.at(-1).isIntersecting;
      catchUp();
    },
    { rootMargin: "200px" },
  );
  sight.observe(root);

  let frame = 0;
  const follow = () => {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(() => {
      const size = plot._fullLayout; // a hidden tab has no width; drawing there would fix a wrong one
      if (size && plot.offsetWidth && Math.abs(size.width - plot.offsetWidth) >= 1) Plotly.Plots.resize(plot);
      place = aimed = null;
      if (newest) {
        resize();
        catchUp(); // another width may break the title elsewhere
      }
    });
  };
  const observer = new ResizeObserver(follow);
  observer.observe(root);
  window.addEventListener("resize", follow); // a chart's height may follow the window's

  function destroy() {
    player.stop();
    clearTimeout(rest);
    observer.disconnect();
    window.removeEventListener("resize", follow);
    sight.disconnect();
    if (charts.get(root.dataset.key) === chart) charts.delete(root.dataset.key);
    Plotly?.purge(plot);
  }

  const hears = (setTriggerValue) => (clicked = newest.clicks ? setTriggerValue : null);
  async function picture(format) {
    if (Plotly && plot._fullLayout) return pictured(Plotly, parent, plot, format);
    Plotly ??= await loadPlotly(newest.plotly); // a chart that was never in sight
    const { layout, height } = aim();
    const { theme } = place;
    const look = { ...dressed(layout, newest.key, height, theme), paper_bgcolor: theme.background };
    const width = place.width || NARROW;
    return imageFile(Plotly, { data: newest.figure.data ?? [], layout: look }, { format, width, height, words: newest.alt, settings: newest.settings });
  }
  // What a layout needs for another title at the chart's place.
  function titled(text) {
    if (!newest) return {};
    const { figure } = newest;
    const other = { ...newest, figure: { ...figure, layout: { ...figure.layout, title: { ...figure.layout.title, text } } } };
    const { title, margin } = seenAt((place ??= placeOf(root, parent)), other, player.height()).layout;
    return { "title.text": title.text, "title.pad.t": title.pad?.t ?? null, "margin.t": margin?.t ?? null };
  }
  const chart = { want, hears, destroy, say: step.say, isVisible: () => visible, picture, titled };
  return chart;
}

// What the server is told of a click: the place of a map's cell, or a point's own data.
const clickedOn = (point) => (point?.z === undefined ? (point?.customdata ?? null) : [point.x, point.y]);

// A trace is known by its name: when another one comes or goes, a hidden trace must not show in its place.
function named(traces) {
  const names = new Set(traces.map((trace) => trace.name));
  if (names.has(undefined) || names.size < traces.length) return traces;
  // Plotly looks for `.cb${uid}`, so it must be a class that a selector can name.
  const uid = (name) => name.replace(/[^A-Za-z0-9]/g, (letter) => `_${letter.codePointAt(0)}`);
  return traces.map((trace) => ({ uid: uid(trace.name), ...trace }));
}

function pictured(Plotly, parent, plot, format) {
  // The screen's picture is transparent: saved alone it needs the page's colour behind it.
  const layout = { ...plot.layout, paper_bgcolor: themeOf(parent).background };
  const { width, height } = plot._fullLayout;
  const words = parent.querySelector(".live-chart-words").getAttribute("aria-label") ?? "";
  return imageFile(Plotly, { data: plot.data, layout }, { format, width, height, words, settings: plot.settings });
}

function config(Plotly, parent, zoom) {
  const save = (format) => async (plot) => {
    const chart = parent.querySelector(".live-chart");
    const type = format === "png" ? "image/png" : "image/svg+xml";
    saveFile(await pictured(Plotly, parent, plot, format), `${chart.dataset.key}.${format}`, type);
  };
  const button = (format) => ({
    name: `save-${format}`,
    title: `Download as ${format.toUpperCase()}`,
    icon: format === "png" ? Plotly.Icons.camera : Plotly.Icons.disk,
    click: save(format),
  });
  return {
    displaylogo: false,
    showSendToCloud: false,
    responsive: false, // the observer above also sees a column change its width
    doubleClick: false, // Plotly would go back to the first figure's axes; the newest one's are meant, see createZoom
    modeBarButtonsToRemove: ["toImage", "select2d", "lasso2d", "autoScale2d", "resetScale2d"],
    modeBarButtonsToAdd: [
      { name: "reset-axes", title: "Reset axes", icon: Plotly.Icons.home, click: zoom.giveBack },
      button("png"),
      button("svg"),
    ],
  };
}
