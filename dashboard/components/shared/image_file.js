// A chart as a PNG or SVG file that says where it comes from: the link to the page, its settings, the picture in words.

import { crc32 } from "./crc32.js";

const encoder = new TextEncoder();

// `figure` is Plotly's { data, layout }. Returns the file's bytes.
export async function imageFile(Plotly, figure, { format, width, height, words, settings }) {
  const config = { showSendToCloud: false };
  const scale = format === "png" ? 2 : 1;
  const url = await Plotly.toImage({ ...figure, config }, { format, width, height, scale });
  const lines = Object.entries(settings).map(([name, value]) => `${name}: ${value}`);
  const about = { Source: location.href, Description: words, Settings: lines.join("\n") };
  return format === "png" ? pngWith(await bytesOf(url), about) : svgWith(decodeURIComponent(url.slice(url.indexOf(",") + 1)), about);
}

const bytesOf = async (url) => new Uint8Array(await (await fetch(url)).arrayBuffer());

const SIGNATURE = 8; // bytes before the first chunk, which is IHDR and has 25

function pngWith(png, about) {
  const chunks = Object.entries(about).map(([name, text]) => textChunk(name, text));
  const parts = [png.subarray(0, SIGNATURE + 25), ...chunks, png.subarray(SIGNATURE + 25)];
  return joined(parts);
}

// An iTXt chunk: name, no compression, no language, UTF-8 text.
function textChunk(name, text) {
  const body = encoder.encode(`iTXt${name}\0\0\0\0\0${text}`);
  const chunk = new Uint8Array(body.length + 8);
  const view = new DataView(chunk.buffer);
  view.setUint32(0, body.length - 4);
  chunk.set(body, 4);
  view.setUint32(body.length + 4, crc32(body));
  return chunk;
}

function svgWith(svg, { Source, Description, Settings }) {
  const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const head = `<desc>${escaped(Description)}</desc><metadata>${escaped(`${Source}\n${Settings}`)}</metadata>`;
  return encoder.encode(svg.replace(/<svg[^>]*>/, (start) => start + head));
}

export function joined(parts) {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

export function saveFile(bytes, name, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([bytes], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
