// Playing a chart backwards in time: what is not reached yet lies under a cover. Part of live_chart.js.

const PLAY_MS = 4000; // from the loss to the first timestep, however many there are

export function createPlayer(redraw) {
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
