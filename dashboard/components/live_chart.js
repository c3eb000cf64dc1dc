// Streamlit calls the default export again for every answer of the server and every change of theme. The plot's
// node is made once; each call only says what is newest, and one loop per chart draws it.

const charts = new WeakMap();
const byKey = (globalThis.gradientFlowCharts ??= new Map()); // live_lab.js brings pictures by this way during a drag
const decoder = new TextDecoder();

export default function (component) {
  const { parentElement, data } = component;
  const message = JSON.parse(decoder.decode(data));
  if (!message.figure) return void loadPlotly(message.plotly).catch(() => {}); // a chart that needs it will say so
  let chart = charts.get(parentElement);
  if (!chart) {
    chart = createChart(parentElement);
    charts.set(parentElement, chart);
  }
  chart.want(message);
  chart.hears(component.setTriggerValue);
  return () => {
    // Streamlit also cleans up after a call that a newer one has overtaken: only a node that has left the page is done.
    setTimeout(() => {
      if (!parentElement.isConnected) chart.destroy();
    });
  };
}

// --- one Plotly for the page ---

function loadPlotly(path) {
  const load = () =>
    new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = serverUrl(path);
      script.onload = () => resolve(globalThis.Plotly);
      script.onerror = () => {
        globalThis.gradientFlowPlotly = undefined; // the next update tries again
        script.remove();
        reject(new Error("plotly.min.js did not load. Is the server still running?"));
      };
      document.head.append(script);
    });
  return (globalThis.gradientFlowPlotly ??= load());
}

// The page's own address changes with navigation, and a proxy may add a prefix; where Streamlit's own code came from
// is where the server is.
function serverUrl(path) {
  const own = performance
    .getEntriesByType("resource")
    .map((entry) => entry.name.split("/static/js/"))
    .find((parts) => parts.length === 2);
  return new URL(path, own ? `${own[0]}/` : document.baseURI).href;
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
    return narrow ? { layout: { ...figure.layout, ...narrow }, height: narrow.height } : { layout: figure.layout ?? {}, height };
  };
  const fitted = () => fit(shape().layout, root.offsetWidth, themeOf(parent));
  const signature = () =>
    `${newest.revision} ${newest.height} ${JSON.stringify([themeOf(parent), fitted()])}`;

  function want(message) {
    newest = message;
    root.dataset.key = message.key;
    byKey.set(message.key, chart);
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
      settings ??= config(Plotly, parent);
      plot.hidden = false;
      const layout = dressed({ ...wanted, ...fitted() }, key, height, themeOf(parent));
      if (layout.meta?.play) layout.shapes = cover();
      await Plotly.react(plot, named(figure.data ?? []), layout, settings);
      if (!redraws) plot.on("plotly_click", ({ points }) => clicked?.("clicked", points.at(-1)?.customdata ?? null));
      for (const svg of plot.querySelectorAll(".main-svg")) svg.setAttribute("aria-hidden", "true");
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
  const observer = new ResizeObserver(() => {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(() => {
      const size = plot._fullLayout; // a hidden tab has no width; drawing there would fix a wrong one
      if (size && plot.offsetWidth && Math.abs(size.width - plot.offsetWidth) >= 1) Plotly.Plots.resize(plot);
      if (newest) {
        resize();
        catchUp(); // another width may break the title elsewhere
      }
    });
  });
  observer.observe(root);

  function destroy() {
    player.stop();
    observer.disconnect();
    sight.disconnect();
    charts.delete(parent);
    if (byKey.get(root.dataset.key) === chart) byKey.delete(root.dataset.key);
    Plotly?.purge(plot);
  }

  const hears = (setTriggerValue) => (clicked = newest.clicks ? setTriggerValue : null);
  const chart = { want, hears, destroy, isVisible: () => visible };
  return chart;
}

// --- playing a chart backwards in time: what is not reached yet lies under a cover ---

const PLAY_MS = 4000; // from the loss to the first timestep, however many there are

function createPlayer(redraw) {
  const node = document.createElement("div");
  node.className = "live-chart-player";
  node.hidden = true;
  node.innerHTML = `<button type="button">Play back from the loss</button>
    <input type="range" step="1" aria-label="Timestep that the gradient has reached">`;
  const [button, range] = node.children;
  let ends = null; // [where it starts, where it ends]
  let reached = null; // null: all of it is seen
  let frame = 0;

  const reach = (t) => {
    reached = t <= ends[1] ? null : t;
    range.value = String(reached ?? ends[1]); // the thumb runs to the left, as the gradient does
    range.setAttribute("aria-valuetext", `t = ${reached ?? ends[1]}`);
    redraw();
  };
  const stop = () => {
    cancelAnimationFrame(frame);
    frame = 0;
    button.textContent = "Play back from the loss";
  };
  button.addEventListener("click", () => {
    if (frame) return stop();
    button.textContent = "Pause";
    const from = reached ?? ends[0];
    const began = performance.now();
    const tick = () => {
      const t = Math.round(from - ((performance.now() - began) / PLAY_MS) * (ends[0] - ends[1]));
      reach(t);
      if (t <= ends[1]) stop();
      else frame = requestAnimationFrame(tick);
    };
    frame = requestAnimationFrame(tick);
  });
  range.addEventListener("input", () => {
    stop();
    reach(Number(range.value));
  });

  return {
    node,
    stop,
    height: () => (ends ? 40 : 0),
    over(next) {
      if (JSON.stringify(next) === JSON.stringify(ends)) return;
      stop();
      ends = next;
      reached = null;
      node.hidden = !ends;
      if (!ends) return;
      range.min = String(ends[1]);
      range.max = String(ends[0]);
      range.value = String(ends[1]);
      range.setAttribute("aria-valuetext", `t = ${ends[1]}`);
    },
    cover: (colour) =>
      reached === null
        ? []
        : [{ type: "rect", yref: "paper", y0: 0, y1: 1, x0: ends[1] - 1, x1: reached - 0.5, line: { width: 0 }, fillcolor: colour }],
  };
}

// A trace is known by its name: when another one comes or goes, a hidden trace must not show in its place.
function named(traces) {
  const names = new Set(traces.map((trace) => trace.name));
  if (names.has(undefined) || names.size < traces.length) return traces;
  // Plotly looks for `.cb${uid}`, so it must be a class that a selector can name.
  const uid = (name) => name.replace(/[^A-Za-z0-9]/g, (letter) => `_${letter.codePointAt(0)}`);
  return traces.map((trace) => ({ uid: uid(trace.name), ...trace }));
}

// --- the look ---

function themeOf(element) {
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

const NARROW = 480; // pixels: a phone, or a third of a page
const pen = document.createElement("canvas").getContext("2d");

// What a narrow chart needs: a title in lines as wide as it, and the legend below, where it cannot lie on the title.
function fit(layout, width, theme) {
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
  pad.t = (pad.t ?? 0) + (lines.length - 1) * size * 0.9; // Plotly lifts a text of several lines
  const changed = lines.length > 1 ? { title: { ...layout.title, pad, text: lines.join("<br>") }, margin } : {};
  if (width >= NARROW) return changed;
  const below = { orientation: "h", x: 0, xanchor: "left", yref: "container", y: 0.01, yanchor: "bottom" };
  return { ...changed, legend: { ...layout.legend, ...below } };
}

const titleSize = (template, theme) => (template.title?.font?.size ?? 16) * theme.larger;

// The theme goes into the template: what the figure sets itself still wins.
function dressed(layout, key, height, theme) {
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

function config(Plotly, parent) {
  const save = (format) => (plot) => {
    // The screen's picture is transparent: saved alone it needs the page's colour behind it.
    const layout = { ...plot.layout, paper_bgcolor: themeOf(parent).background };
    const { width, height } = plot._fullLayout;
    Plotly.downloadImage(
      { data: plot.data, layout, config: { showSendToCloud: false } },
      { format, width, height, scale: format === "png" ? 2 : 1, filename: parent.querySelector(".live-chart").dataset.key },
    );
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
    modeBarButtonsToRemove: ["toImage", "select2d", "lasso2d"],
    modeBarButtonsToAdd: [button("png"), button("svg")],
  };
}
