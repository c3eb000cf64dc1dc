// One Plotly for the page, which the page itself asks for: see dashboard/server/early_scripts.py. Part of live_chart.js.

import { serverUrl } from "../shared/server_url.js";

let loads = null;
const WAITS = [250, 500, 1000, 2000, 4000]; // ms before it is asked for again: nobody else would ask for a page's first chart

export function loadPlotly(path) {
  const load = () =>
    new Promise((resolve, reject) => {
      if (globalThis.Plotly) return void resolve(globalThis.Plotly);
      const early = document.querySelector('script[src*="live/plotly.min.js"]');
      const script = early ?? document.createElement("script");
      script.addEventListener("load", () => resolve(globalThis.Plotly));
      script.addEventListener("error", () => {
        script.remove();
        reject(new Error("plotly.min.js did not load. Is the server still running?"));
      });
      if (early) return;
      script.src = serverUrl(path);
      document.head.append(script);
    });
  const loadOrWait = async ([wait, ...later]) => {
    try {
      return await load();
    } catch (reason) {
      if (wait === undefined) {
        loads = null; // the next update tries again
        throw reason;
      }
      await new Promise((resolve) => setTimeout(resolve, wait));
      return loadOrWait(later);
    }
  };
  return (loads ??= loadOrWait(WAITS));
}
