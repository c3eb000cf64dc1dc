// A figure says where its axes begin and end, and says it anew with every change of the data. Where a reader has zoomed,
// the reader's range stands instead, until a double click or the button gives the axes back. Part of live_chart.js.

export function createZoom() {
  const chosen = new Map(); // axis → the range that the reader has chosen
  let sent = {}; // axis → the range that the newest figure has
  let revision = null;
  let isOwn = false; // whether what Plotly tells of is no reader's doing

  async function giveBack(plot) {
    chosen.clear();
    const changes = Object.entries(sent).flatMap(([axis, range]) => [[`${axis}.range`, [...range]], [`${axis}.autorange`, false]]);
    await unheard(() => globalThis.Plotly.relayout(plot, Object.fromEntries(changes)));
  }

  // What Plotly tells of meanwhile is no reader's doing.
  async function unheard(change) {
    isOwn = true;
    try {
      return await change();
    } finally {
      isOwn = false;
    }
  }

  function hear(plot, changes) {
    if (isOwn) return;
    for (const key of Object.keys(changes)) {
      const [, axis] = key.match(/^([xy]axis\d*)\.range/) ?? [];
      if (axis) chosen.set(axis, [...plot.layout[axis].range]);
    }
  }

  return {
    giveBack,
    unheard,
    follow(plot) {
      plot.on("plotly_relayout", (changes) => hear(plot, changes));
      plot.on("plotly_doubleclick", () => giveBack(plot));
    },
    // The layout with the reader's ranges in it. Another `uirevision` drops them on purpose.
    kept(layout) {
      if (layout.uirevision !== revision) chosen.clear();
      revision = layout.uirevision;
      const axes = Object.entries(layout).filter(([name, axis]) => /^[xy]axis\d*$/.test(name) && axis.range);
      sent = Object.fromEntries(axes.map(([name, axis]) => [name, axis.range]));
      const own = axes.filter(([name]) => chosen.has(name));
      return { ...layout, ...Object.fromEntries(own.map(([name, axis]) => [name, { ...axis, range: [...chosen.get(name)] }])) };
    },
  };
}
