// The charts on the page, by their keys: live_chart.js puts them here, and live_lab.js brings them pictures during a drag.

export const charts = new Map();
