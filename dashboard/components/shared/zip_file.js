// A zip without compression, as its specification has it (APPNOTE.TXT 4.3): each file after its local head, then the list.

import { crc32 } from "./crc32.js";
import { joined } from "./image_file.js";

const encoder = new TextEncoder();
const VERSION = 20;
const UTF8 = 0x0800;
const DATE = 0x0021; // 1980-01-01, the earliest that a zip can say

// `files`: name → bytes. Returns the zip's bytes.
export function zipFile(files) {
  const parts = [];
  const list = [];
  let at = 0;
  for (const [name, content] of Object.entries(files)) {
    const spelt = encoder.encode(name);
    const about = [VERSION, UTF8, 0, 0, DATE, [crc32(content)], [content.length], [content.length], spelt.length, 0];
    const head = joined([fields([[0x04034b50], ...about]), spelt]);
    list.push(joined([fields([[0x02014b50], VERSION, ...about, 0, 0, 0, [0], [at]]), spelt]));
    parts.push(head, content);
    at += head.length + content.length;
  }
  const entries = joined(list);
  const end = fields([[0x06054b50], 0, 0, list.length, list.length, [entries.length], [at], 0]);
  return joined([...parts, entries, end]);
}

// Little-endian numbers: of two bytes, or of four where they stand in an array.
function fields(numbers) {
  const bytes = new Uint8Array(numbers.reduce((length, n) => length + (Array.isArray(n) ? 4 : 2), 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const n of numbers) {
    if (Array.isArray(n)) view.setUint32(at, n[0], true);
    else view.setUint16(at, n, true);
    at += Array.isArray(n) ? 4 : 2;
  }
  return bytes;
}
