// The plot's node is made once (see made_once.js); each call only says what is newest, and one loop per chart draws it.

import { charts } from "../shared/charts.js";
import { imageFile, saveFile } from "../shared/image_file.js";
import { destroyedWithNode, madeOnce } from "../shared/made_once.js";
import { serverUrl } from "../shared/server_url.js";
import { NARROW, dressed, fit, themeOf, within } from "./look.js";
import { createPlayer } from "./player.js";
import { createStep, fitting } from "./sequence.js";
import { createToolbar } from "./toolbar.js";
import { createZoom } from "./zoom.js";

const decoder = new TextDecoder();

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

// --- one Plotly for the page ---

let plotlyLoads = null;
const WAITS = [250, 500, 1000, 2000, 4000]; // ms before it is asked for again: nobody else would ask for a page's first chart

function loadPlotly(path) {
  const load = () =>
    new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = serverUrl(path);
      script.onload = () => resolve(globalThis.Plotly);
      script.onerror = () => {
        script.remove();
        reject(new Error("plotly.min.js did not load. Is the server still running?"));
      };
      document.head.append(script);
    });
  const loadOrWait = async ([wait, ...later]) => {
    try {
      return await load();
    } catch (reason) {
      if (wait === undefined) {
        plotlyLoads = null; // the next update tries again
        throw reason;
      }
      await new Promise((resolve) => setTimeout(resolve, wait));
      return loadOrWait(later);
    }
  };
  return (plotlyLoads ??= loadOrWait(WAITS));
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

  let newest = null;
  let drawn = "";
  let drawing = false;
  let redraws = 0;
  let Plotly = null;
  let clicked = null; // what tells the server of a click
  let settings = null; // one object for life: Plotly.react rebuilds the whole plot for a new `click` function

  // A figure may bring another layout for a narrow page, for the same traces.
  const shape = () => {
    const { figure, height } = newest;
    const narrow = root.offsetWidth && root.offsetWidth < NARROW && figure.layout?.meta?.narrow;
    const layout = narrow ? { ...figure.layout, ...narrow } : (figure.layout ?? {});
    return { layout, height: within(root, (narrow ? narrow.height : height) + player.height()) - player.height() };
  };
  const fitted = () => fit(shape().layout, root.offsetWidth, shape().height, themeOf(parent));
  const room = () => newest.figure.layout?.meta?.symbols && Math.round(root.offsetWidth / 20); // for symbols
  const signature = () =>
    `${newest.revision} ${shape().height} ${JSON.stringify([themeOf(parent), fitted(), room()])}`;

  function want(message) {
    newest = { ...message, settings: message.settings ?? newest?.settings ?? {} };
    plot.settings = newest.settings;
    root.dataset.key = message.key;
    charts.set(message.key, chart);
    player.over(message.figure.layout?.meta?.play ?? null);
    resize(); // before Plotly has loaded: the page must not jump
    if (!drawn || !visible) words.setAttribute("aria-label", message.alt);
    catchUp();
  }

  const resize = () => (root.style.height = `${shape().height + player.height()}px`);

  async function catchUp() {
    if (drawing || !newest) return; // the loop below will find it
    drawing = true;
    try {
      while (visible && signature() !== drawn) {
        const wanted = signature();
        const { revision, alt } = newest;
        const succeeded = await draw(newest);
        drawn = succeeded ? wanted : "";
        if (succeeded) {
          root.dataset.revision = revision;
          root.dataset.redraws = String(++redraws);
          words.setAttribute("aria-label", alt);
        } else if (signature() === wanted) {
          break; // the same figure would fail again at once; the next answer of the server tries again
        }
      }
      words.setAttribute("aria-label", newest.alt);
    } finally {
      drawing = false;
    }
  }

  async function draw({ figure, key, plotly }) {
    const { layout: wanted, height } = shape();
    try {
      Plotly = await loadPlotly(plotly);
      settings ??= config(Plotly, parent, zoom);
      plot.hidden = false;
      const layout = zoom.kept(dressed({ ...wanted, ...fitted() }, key, height, themeOf(parent)));
      if (layout.meta?.play) layout.shapes = cover();
      step.say(null);
      await Plotly.react(plot, named(fitting(figure.data ?? [], layout, root.offsetWidth)), layout, settings);
      if (!redraws) zoom.follow(plot);
      if (!redraws) step.follow();
      if (!redraws) plot.on("plotly_click", ({ points }) => clicked?.("clicked", clickedOn(points.at(-1))));
      for (const svg of plot.querySelectorAll(".main-svg")) svg.setAttribute("aria-hidden", "true");
      toolbar.oneStop();
      words.hidden = false;
      error.hidden = true;
      return true;
    } catch (reason) {
      plot.hidden = words.hidden = true;
      error.hidden = false;
      error.textContent = `This figure could not be drawn: ${reason?.message ?? reason}`;
      return false;
    }
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
    const theme = themeOf(parent);
    const { layout, height } = shape();
    const look = { ...dressed({ ...layout, ...fitted() }, newest.key, height, theme), paper_bgcolor: theme.background };
    const width = root.offsetWidth || NARROW;
    return imageFile(Plotly, { data: newest.figure.data ?? [], layout: look }, { format, width, height, words: newest.alt, settings: newest.settings });
  }
  const chart = { want, hears, destroy, say: step.say, isVisible: () => visible, picture };
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
