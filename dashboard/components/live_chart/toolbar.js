// The buttons above a chart are one stop of the Tab key; arrows lead from one to the next. Part of live_chart.js.

export function createToolbar(plot) {
  const buttons = () => [...plot.querySelectorAll(".modebar-btn")];

  // Plotly makes the buttons anew with some redraws.
  function oneStop() {
    const all = buttons();
    const stop = all.find((button) => button === document.activeElement) ?? all[0];
    for (const button of all) button.tabIndex = button === stop ? 0 : -1;
    const bar = plot.querySelector(".modebar");
    bar?.setAttribute("role", "toolbar");
    bar?.setAttribute("aria-label", "Chart tools");
  }

  plot.addEventListener("keydown", (event) => {
    const all = buttons();
    const at = all.indexOf(event.target);
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: all.length - 1 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    all.at(to % all.length).focus();
    oneStop();
  });
  return { oneStop };
}
