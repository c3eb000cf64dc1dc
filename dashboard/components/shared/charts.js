// The charts on the page, by their keys: live_chart.js puts them here, and live_lab.js brings them pictures during a drag.

export const charts = new Map();

// Whoever has asked the server for new pictures, until the answer is there.
export const asking = new Set();
