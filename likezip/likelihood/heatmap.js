"use strict";

/* What the page was given, see heatmap.py.  An offset counts from the file's beginning, a place from the part's. */

const $ = (id) => document.getElementById(id);
const facts = JSON.parse($("facts").textContent);
const { part, curve } = facts, first = part.start, size = part.size;
const PARTS = 0, STORED = 1, PRIOR = 3, UNKNOWN = 255;
const NAMES = ["raw", "changed", "byte1", "byte2", "byte3", "cost", "prior", "memory", "mixed", "chance1", "chance2", "chance3"];
const planes = {}; // of the part: a Uint8Array by each of these names
let end = 0;
const blocks = facts.blocks.map(([size, bits, mode, profile, lanes], i) =>
  ({ number: i + 1, start: end, end: end += size, mode, profile, lanes }));

async function unpack() {
  const text = atob($("planes").textContent), packed = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) packed[i] = text.charCodeAt(i);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const all = new Uint8Array(await new Response(stream).arrayBuffer());
  NAMES.forEach((name, i) => { planes[name] = all.subarray(i * size, (i + 1) * size); });
  const { cost } = planes;
  for (const name of ["memory", "mixed"]) for (let i = 0; i < size; i++) planes[name][i] += cost[i];
  for (const k of [1, 2, 3]) {
    const byte = planes[`byte${k}`], chance = planes[`chance${k}`];
    for (let i = 0; i < size; i++) if (byte[i] === 0) chance[i] += cost[i];
  }
  $("planes").remove();
}

const bitsOf = (q) => q * q / 2048;
const rootOf = (bits) => Math.sqrt(bits * 2048);
const coded = (i) => planes.raw[i] ^ planes.changed[i];
const isStored = (i) => planes.chance1[i] === UNKNOWN; // nothing is expected
const clamp = (value, least, most) => Math.max(least, Math.min(most, value));
const grouped = (number) => Math.round(number).toLocaleString("en");
const hexOf = (number, digits) => number.toString(16).padStart(digits, "0");
const counted = (number, word) => `${grouped(number)} ${word}${number === 1 ? "" : "s"}`;

function bitsText(q) {
  const bits = bitsOf(q);
  return bits < 0.005 ? "< 0.01" : q === UNKNOWN - 1 ? "> 31" : bits.toFixed(bits < 2 ? 2 : 1);
}

function percent(q) {
  const share = 100 * 2 ** -bitsOf(q);
  return `${share < 0.01 ? "< 0.01" : share >= 99.95 ? 100 : share > 99 ? share.toFixed(1) : share.toPrecision(2)} %`;
}

/* Blocks and lanes */

function lastNotAbove(count, begin, value) { // the last i with begin(i) <= value, by halving
  let low = 0, high = count - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (begin(middle) <= value) low = middle; else high = middle - 1;
  }
  return low;
}

const blockAt = (offset) => blocks[lastNotAbove(blocks.length, (i) => blocks[i].start, offset)];
const laneAt = (block, offset) => lastNotAbove(block.lanes, (lane) => laneStart(block, lane), offset);

function laneStart(block, lane) {
  const length = block.end - block.start;
  return block.start + lane * Math.floor(length / block.lanes) + Math.min(lane, length % block.lanes);
}

function boundaries() { // of the part: place -> "block" or "lane"
  const found = new Map();
  for (const block of blocks.filter(({ start, end }) => end > first && start < first + size)) {
    for (let lane = 0; lane < block.lanes; lane++) found.set(laneStart(block, lane) - first, lane ? "lane" : "block");
  }
  found.delete(-first); // the file's beginning needs no line
  return found;
}

function wayOf(block) {
  if (block.mode === STORED) return "stored as it is";
  if (block.mode === PARTS) return "kinds of data apart, each with what suits it";
  const models = block.mode === PRIOR ? "memory and prior" : `memory for ${block.profile}`;
  return `${models}, ${counted(block.lanes, "lane")}`;
}

/* Colours */

const LEVELS = 32, FULL = 160; // from 160² / 2048 = 12.5 bits on the strongest colour
const LIGHT = ["#ffffff", "#fff4cf", "#ffe08a", "#ffc247", "#ff9d33", "#fa7328", "#ee4b22"];
const DARK = ["#121317", "#2a1d1c", "#52261a", "#853512", "#bd4d0b", "#ee7f1c", "#fbb53f", "#fdeba8"];
const night = matchMedia("(prefers-color-scheme: dark)");
const dyes = document.head.appendChild(document.createElement("style"));
const levelOf = (q) => Math.round(Math.min(q, FULL) / FULL * (LEVELS - 1));
const colourOf = (i) => isStored(i) ? "stored" : levelOf(planes.cost[i]); // what follows "l-" in names of colours

function mixed(stops, share) { // [r, g, b]
  const place = share * (stops.length - 1), i = Math.min(Math.floor(place), stops.length - 2);
  const parts = (stop) => [1, 3, 5].map((at) => parseInt(stop.slice(at, at + 2), 16));
  const from = parts(stops[i]), to = parts(stops[i + 1]);
  return from.map((value, k) => Math.round(value + (to[k] - value) * (place - i)));
}

function luminance(colour) { // as WCAG has it
  const [r, g, b] = colour.map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function dye() {
  dyes.textContent = Array.from({ length: LEVELS }, (_, i) => {
    const colour = mixed(night.matches ? DARK : LIGHT, i / (LEVELS - 1));
    const text = luminance(colour) > 0.179 ? "#000" : "#fff"; // there both have the same contrast
    return `:root { --l-${i}: rgb(${colour}); } .l-${i} { background: var(--l-${i}); --ink: ${text}; color: ${text}; }`;
  }).join("\n") + [...Array(LEVELS).keys(), "stored"].flatMap((name) => [1, 2, 3].map((k) =>
    `.b${k}-${name} { --b${k}: var(--l-${name}); }`)).join("\n");
}

/* Bytes as characters */

const WORDS = { 0: "zero", 9: "tab", 10: "line feed", 13: "carriage return", 27: "escape", 32: "space", 127: "delete" };
const SHOWN = { 9: "⇥", 10: "↵", 13: "←" };
const WIDE = new RegExp("\\p{Emoji_Presentation}|[\\u1100-\\u115f\\u2e80-\\u303e\\u3041-\\ua4cf\\ua960-\\ua97c" +
  "\\uac00-\\ud7a3\\uf900-\\ufaff\\ufe30-\\ufe6f\\uff01-\\uff60\\uffe0-\\uffe6\\u{20000}-\\u{3fffd}]", "u");
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const glyphs = new Map(); // code point -> its glyph

function lengthAt(i) { // bytes of the UTF-8 character at a place, 0 if there is none
  const { raw } = planes, byte = raw[i];
  if (byte < 0x80) return 1;
  const length = byte < 0xc2 || byte > 0xf4 ? 0 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
  if (!length || i + length > size) return 0;
  for (let k = 1; k < length; k++) if ((raw[i + k] & 0xc0) !== 0x80) return 0;
  const point = pointAt(i, length);
  return point < [0x80, 0x800, 0x10000][length - 2] || point > 0x10ffff || (point >> 11) === 0x1b ? 0 : length;
}

function pointAt(i, length) {
  let point = length === 1 ? planes.raw[i] : planes.raw[i] & (0x7f >> length);
  for (let k = 1; k < length; k++) point = point << 6 | planes.raw[i + k] & 0x3f;
  return point;
}

function charStart(i) { // where the character that a byte belongs to begins; the byte itself if it is none
  let start = i;
  while (start > Math.max(0, i - 3) && !lengthAt(start)) start--;
  return start + lengthAt(start) > i ? start : i;
}

function newGlyph(point) { // width in columns
  if (SHOWN[point]) return { text: SHOWN[point], kind: "sub", width: 1 };
  if (point < 32 || point === 127) return { text: hexOf(point, 2), kind: "raw", width: 2 };
  const text = String.fromCodePoint(point);
  if (point < 127) return { text, kind: "", width: 1 };
  if (/[\p{C}\p{Zl}\p{Zp}]/u.test(text)) return { text: "▯", kind: "sub", width: 1 };
  return { text: /\p{M}/u.test(text) ? `◌${text}` : text, kind: "", width: WIDE.test(text) ? 2 : 1 };
}

function glyphOf(point) {
  if (!glyphs.has(point)) glyphs.set(point, newGlyph(point));
  return glyphs.get(point);
}

function byteText(i, byte) { // what a byte is, or would be at a place: also the end of a character
  if (byte < 128) return byte > 32 && byte < 127 ? `“${String.fromCharCode(byte)}”` : WORDS[byte] ?? "control byte";
  for (let k = 1; isText() && k <= Math.min(3, i); k++) {
    try {
      const text = UTF8.decode(Uint8Array.of(...planes.raw.subarray(i - k, i), byte)), point = text.codePointAt(0);
      if (String.fromCodePoint(point) === text) return `ends “${glyphOf(point).text}”`;
    } catch { /* that is no character */ }
  }
  return isText() && byte > 0xc1 && byte < 0xf5 ? "begins a character" : "";
}

/* The two views: where rows begin, and what is in them */

const textView = {
  layOut() { // whether it has changed
    const columns = clamp(columnsThere() - this.gutter(size).length - 5, 32, 120);
    if (columns === this.columns) return false;
    const starts = new Uint32Array(size + 1), { raw } = planes;
    let count = size ? 1 : 0, column = 0;
    for (let i = 0; i < size;) {
      const length = lengthAt(i), width = columnsOf(i, length, column), byte = raw[i];
      if (column + width > columns && byte !== 10) {
        starts[count++] = i;
        column = 0;
      }
      column += width;
      i += length || 1;
      if ((byte === 10 || (byte === 13 && raw[i] !== 10)) && i < size) {
        starts[count++] = i;
        column = 0;
      }
    }
    Object.assign(this, { columns, starts: starts.subarray(0, count), count });
    return true;
  },
  begin(row) { return row < this.count ? this.starts[row] : size; },
  rowOf(place) { return lastNotAbove(this.count, (row) => this.starts[row], place); },
  gutter(place) { return grouped(first + place); },
  fill(line, from, to) {
    let column = 0;
    for (let i = from, length; i < to; i += length || 1) {
      length = lengthAt(i);
      const width = columnsOf(i, length, column);
      line.append(length ? character(i, length, width) : cell(i, hexOf(planes.raw[i], 2), "raw"));
      column += width;
    }
  },
};

const hexView = {
  count: Math.ceil(size / 16),
  layOut() { return false; },
  begin(row) { return Math.min(size, row * 16); },
  rowOf(place) { return place >> 4; },
  gutter(place) { return hexOf(first + place, 8); },
  fill(line, from, to) {
    for (let i = from; i < from + 16; i++) {
      line.append(i < to ? cell(i, ` ${hexOf(planes.raw[i], 2)} `, "") : "    ", i % 8 === 7 ? "  " : "");
    }
    for (let i = from; i < to; i++) {
      const byte = planes.raw[i], plain = byte > 31 && byte < 127;
      line.append(cell(i, plain ? String.fromCharCode(byte) : "·", plain ? "" : "sub"));
    }
  },
};

let view = hexView, edges = new Map(), selected = -1, hovered = -1; // places, or -1
const isText = () => facts.text || view === textView;

function columnsThere() { // of the pane
  const pen = document.createElement("canvas").getContext("2d");
  pen.font = getComputedStyle(pane).font;
  return Math.floor(pane.clientWidth * 100 / pen.measureText("0".repeat(100)).width);
}

function columnsOf(i, length, column) {
  if (planes.raw[i] === 9) return 8 - column % 8;
  return length ? glyphOf(pointAt(i, length)).width : 2;
}

function cell(i, text, kind) { // a byte
  const span = document.createElement("span");
  span.textContent = text;
  span.dataset.place = i;
  span.className = `l-${colourOf(i)} ${kind} ${edges.get(i) ?? ""}`;
  return span;
}

function character(i, length, width) { // with a stripe for each of its bytes
  const glyph = glyphOf(pointAt(i, length));
  const span = cell(i, planes.raw[i] === 9 ? glyph.text.padEnd(width) : glyph.text, glyph.kind);
  if (length === 1) return span;
  span.dataset.length = length;
  span.classList.add(`stripes${length}`);
  for (let k = 1; k < length; k++) span.classList.add(`b${k}-${colourOf(i + k)}`);
  return span;
}

/* Only rows that can be seen are there; beyond TALLEST, which browsers can do, scrolling is scaled */

const ROW = 20, TALLEST = 8e6, SPARE = 8;
const pane = $("pane"), sheet = $("sheet"), rows = new Map(); // number -> element

function scrolled() { // pixels of rows that are above; and the most that can be
  const all = view.count * ROW - pane.clientHeight, room = Math.min(view.count * ROW, TALLEST) - pane.clientHeight;
  return room > 0 ? { factor: all / room, top: pane.scrollTop * all / room } : { factor: 1, top: 0 };
}

function drawRows() {
  const { top } = scrolled(), shift = pane.scrollTop - top, from = Math.max(0, Math.floor(top / ROW) - SPARE);
  const to = Math.min(view.count, Math.ceil((top + pane.clientHeight) / ROW) + SPARE);
  for (const [row, element] of rows) {
    if (row >= from && row < to) continue;
    element.remove();
    rows.delete(row);
  }
  for (let row = to - 1; row >= from; row--) {
    if (!rows.has(row)) rows.set(row, sheet.insertBefore(newRow(row), rows.get(row + 1) ?? null));
    rows.get(row).style.top = `${row * ROW + shift}px`;
  }
  drawMarks();
}

function newRow(row) {
  const [element, gutter, line] = ["row", "gutter", "line"].map((name) => {
    const made = document.createElement(name === "row" ? "div" : "span");
    made.className = name;
    return made;
  });
  gutter.textContent = view.gutter(view.begin(row));
  gutter.style.width = `${view.gutter(size).length}ch`;
  view.fill(line, view.begin(row), view.begin(row + 1));
  element.append(gutter, line);
  return element;
}

let asked = 0;

function soon() { // once before the next frame
  asked ||= requestAnimationFrame(() => { asked = 0; drawRows(); });
}

function reveal(place) {
  const { top, factor } = scrolled(), at = view.rowOf(place) * ROW;
  if (at < top || at + ROW > top + pane.clientHeight) pane.scrollTop = (at - pane.clientHeight / 2) / factor;
  drawRows();
}

function show(wanted) { // a view, at the same byte as before
  const top = selected >= 0 ? selected : view.begin(Math.floor(scrolled().top / ROW));
  view = wanted;
  for (const [id, of] of [["text", textView], ["hex", hexView]]) $(id).setAttribute("aria-pressed", of === view);
  view.layOut();
  for (const element of rows.values()) element.remove();
  rows.clear();
  sheet.style.height = `${Math.min(view.count * ROW, TALLEST)}px`;
  if (size) reveal(Math.min(top, size - 1));
}

function drawMarks() { // in the pane and in the curve
  for (const [name, place] of [["at", selected], ["over", hovered]]) {
    for (const old of sheet.querySelectorAll(`.${name}`)) old.classList.remove(name);
    const start = place >= 0 && view === textView ? charStart(place) : place;
    for (const cell of sheet.querySelectorAll(`[data-place="${start}"]`)) cell.classList.add(name);
  }
  const row = Math.floor(scrolled().top / ROW), last = row + Math.ceil(pane.clientHeight / ROW);
  span($("window"), first + view.begin(row), first + view.begin(last));
  if (selected >= 0) $("here").style.left = share(first + selected);
  $("here").hidden = selected < 0;
}

/* The panel */

function line(hit, ...cells) { // of a table; a cell is [text or element, class]
  const row = document.createElement("tr");
  row.className = hit ? "hit" : "";
  for (const [content, kind] of cells) {
    const made = row.insertCell();
    made.append(content);
    made.className = kind ?? "";
  }
  return row;
}

function bar(share, kind) {
  const element = document.createElement("i");
  element.className = kind;
  element.style.width = `${100 * share}%`;
  return [element, "bar"];
}

function bitsLines(i, block) {
  const found = [["together", planes.cost[i]]];
  if (block.mode !== STORED) {
    found.push(["uncorrected", planes.mixed[i]]);
    const prior = block.mode === PRIOR || block.mode === PARTS ? planes.prior[i] : UNKNOWN;
    found.push(["prior alone", prior], ["memory alone", planes.memory[i]]);
  }
  const most = Math.max(8, ...found.filter(([, q]) => q !== UNKNOWN).map(([, q]) => bitsOf(q)));
  return found.map(([name, q]) => {
    if (q === UNKNOWN) return line(false, [name], ["–", "number"], ["not used here", "faint"]);
    const kind = `l-${block.mode === STORED ? "stored" : levelOf(q)}`;
    return line(false, [name], [bitsText(q), "number"], bar(bitsOf(q) / most, kind));
  });
}

function expectedLines(i) {
  const found = [1, 2, 3].filter((k) => planes[`chance${k}`][i] !== UNKNOWN).map((k) => {
    const hit = planes[`byte${k}`][i] === 0, byte = planes[`byte${k}`][i] ^ coded(i), q = planes[`chance${k}`][i];
    const name = `${byteText(i, byte)}${hit ? " ✓" : ""}`;
    return line(hit, [hexOf(byte, 2), "number"], [name], [percent(q), "number"], bar(2 ** -bitsOf(q), ""));
  });
  return found.length ? found : [line(false, ["nothing", "faint"])];
}

function whatText(i) {
  const byte = planes.raw[i], start = isText() ? charStart(i) : i, length = isText() ? lengthAt(start) : 1;
  const parts = [length < 2 ? byteText(i, byte) : "", `0x${hexOf(byte, 2)}`, byte];
  if (!length && isText()) parts.push("no UTF-8");
  const point = hexOf(pointAt(start, length), 4).toUpperCase();
  if (length > 1) parts.push(`byte ${i - start + 1} of ${length} of U+${point}`);
  return parts.filter((part) => part !== "").join(" · ");
}

function howText(i, block) {
  const lane = laneAt(block, first + i), parts = [`Block ${block.number} of ${blocks.length}: ${wayOf(block)}.`];
  if (block.lanes > 1) parts.push(`This is lane ${lane + 1}, which begins at ${grouped(laneStart(block, lane))}.`);
  if (block.mode === STORED) parts.push("Nothing makes it smaller: each byte takes 8 bits.");
  if (planes.changed[i]) parts.push(`Coded as 0x${hexOf(coded(i), 2)}: targets of calls and jumps are made absolute.`);
  return parts.join(" ");
}

function drawPanel() {
  const i = hovered >= 0 ? hovered : selected;
  $("byte").hidden = i < 0;
  $("hint").hidden = i >= 0;
  if (i < 0) return;
  const start = charStart(i), length = isText() || planes.raw[i] < 128 ? lengthAt(start) : 0;
  const glyph = length ? glyphOf(pointAt(start, length)).text : hexOf(planes.raw[i], 2), block = blockAt(first + i);
  $("glyph").textContent = glyph === " " ? "␣" : glyph;
  $("glyph").className = `l-${colourOf(i)}`;
  $("what").textContent = whatText(i);
  $("place").textContent = `offset ${grouped(first + i)}, 0x${hexOf(first + i, 1)}`;
  $("bits").replaceChildren(...bitsLines(i, block));
  $("expected").replaceChildren(...expectedLines(i));
  $("how").textContent = howText(i, block);
}

/* Going from byte to byte; the address says which is selected */

let remembering = 0;

function remember() { // browsers refuse too many changes of the address at once
  clearTimeout(remembering);
  remembering = setTimeout(() => {
    const at = selected >= 0 ? `at=${first + selected}&` : "";
    history.replaceState(null, "", `#${at}view=${view === textView ? "text" : "hex"}`);
  }, 300);
}

function select(place) {
  selected = clamp(place, 0, size - 1);
  hovered = -1;
  say("");
  reveal(selected);
  drawPanel();
  const [bits, expected] = ["bits", "expected"].map((id) => [...$(id).rows].map((row) => [...row.cells]
    .map((cell) => cell.textContent).join(" ")).join(", "));
  $("status").textContent = `${$("what").textContent}; bits ${bits}; expected ${expected}`;
  remember();
}

function follow() { // the address
  const wanted = new URLSearchParams(location.hash.slice(1)), at = wanted.get("at") ?? "";
  const named = { text: textView, hex: hexView }[wanted.get("view")] ?? view;
  if (named !== view) show(named);
  if (/^\d+$/.test(at)) goTo(Number(at));
}

function goTo(offset) {
  if (offset >= first && offset < first + size) select(offset - first);
  else if (offset >= facts.size) say(`There is no byte ${grouped(offset)}: the file has ${grouped(facts.size)}.`);
  else say(`Byte ${grouped(offset)} is not in this page. To see it:`, commandFor(offset - offset % facts.most));
}

function commandFor(start) { // to see another part
  const command = document.createElement("code"), end = Math.min(facts.size, start + facts.most);
  command.textContent = `${facts.again} --range ${start}:${end} -o heatmap-${start}.html`;
  return command;
}

function say(...message) {
  $("message").replaceChildren(...message.flatMap((part) => [part, " "]));
  $("message").hidden = !message[0];
}

function surprise(step) {
  const least = rootOf(Number($("least").value) || 8);
  let i = selected >= 0 ? selected + step : step > 0 ? 0 : size - 1;
  while (i >= 0 && i < size && (planes.cost[i] < least || isStored(i))) i += step;
  if (i >= 0 && i < size) select(i);
  else say(`There is no ${step > 0 ? "further" : "earlier"} byte of ${$("least").value} bits or more in this page.`);
}

function pointed(event) { // the place of the byte under the pointer, or -1
  const span = event.target.closest("[data-place]");
  if (!span) return -1;
  const box = span.getBoundingClientRect(), length = Number(span.dataset.length ?? 1);
  return Number(span.dataset.place) + clamp(Math.floor((event.clientX - box.left) / box.width * length), 0, length - 1);
}

function hover(place) {
  if (place === hovered) return;
  hovered = place;
  drawMarks();
  drawPanel();
}

function pressed(event) {
  if (!size || event.altKey || event.metaKey) return;
  const at = Math.max(selected, 0), row = view.rowOf(at), column = at - view.begin(row), far = event.ctrlKey;
  const page = Math.max(1, Math.floor(pane.clientHeight / ROW) - 1);
  const inRow = (to) => {
    const wanted = clamp(to, 0, view.count - 1);
    return () => select(Math.min(view.begin(wanted) + column, view.begin(wanted + 1) - 1));
  };
  const moves = {
    n: () => surprise(1), p: () => surprise(-1),
    ArrowLeft: () => select(at - 1), ArrowRight: () => select(selected + 1),
    ArrowUp: inRow(row - 1), ArrowDown: inRow(row + 1), PageUp: inRow(row - page), PageDown: inRow(row + page),
    Home: () => select(far ? 0 : view.begin(row)), End: () => select((far ? size : view.begin(row + 1)) - 1),
  };
  const move = moves[event.key];
  if (!move || (far && event.key.length === 1)) return;
  move();
  event.preventDefault();
}

/* The curve */

const canvas = $("canvas"), LEFT = 30, TOP = 6, BOTTOM = 5; // pixels beside it
const share = (offset) => `${100 * offset / facts.size}%`;
const offsetOf = (x) => Math.floor(clamp((x - LEFT) / (canvas.clientWidth - LEFT), 0, 1) * (facts.size - 1));
let cursor = 0; // offset

function span(element, from, to) {
  element.style.left = share(from);
  element.style.width = share(to - from);
}

function meanBetween(from, to) { // of the bins that a stretch of offsets touches
  const begin = Math.floor(from / curve.step), end = Math.max(begin + 1, Math.ceil(to / curve.step));
  const bytes = Math.min(facts.size, end * curve.step) - begin * curve.step;
  return curve.sums.slice(begin, end).reduce((sum, bits) => sum + bits, 0) / bytes;
}

function drawCurve() {
  const { clientWidth: width, clientHeight: height } = canvas, ratio = devicePixelRatio || 1;
  const pen = canvas.getContext("2d"), styles = getComputedStyle(document.documentElement);
  const colour = (name) => styles.getPropertyValue(name);
  const per = facts.size / (width - LEFT), means = [];
  for (let x = LEFT; x < width; x++) means.push(meanBetween((x - LEFT) * per, (x - LEFT + 1) * per));
  const top = [0.5, 1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32].find((bits) => bits >= Math.max(0, ...means)) ?? 128;
  const yOf = (bits) => height - BOTTOM - bits / top * (height - TOP - BOTTOM);
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  pen.scale(ratio, ratio);
  drawGrid(pen, top, yOf, colour);
  const paint = Array.from({ length: LEVELS }, (_, level) => colour(`--l-${level}`));
  means.forEach((mean, x) => {
    pen.fillStyle = blockAt(x * per).mode === STORED ? colour("--l-stored") : paint[levelOf(rootOf(mean))];
    pen.fillRect(LEFT + x, yOf(mean), 1, yOf(0) - yOf(mean));
  });
  pen.strokeStyle = colour("--front");
  pen.beginPath();
  means.forEach((mean, x) => pen.lineTo(LEFT + x + 0.5, yOf(mean)));
  pen.stroke();
  drawEdges(pen, width, height, colour);
}

function drawGrid(pen, top, yOf, colour) {
  pen.font = `11px ${getComputedStyle(document.body).fontFamily}`;
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  for (const bits of [0, top / 2, top]) {
    pen.fillStyle = colour("--line");
    pen.fillRect(LEFT, Math.round(yOf(bits)), canvas.clientWidth, 1);
    pen.fillStyle = colour("--faint");
    pen.fillText(bits, LEFT - 6, clamp(yOf(bits), 7, yOf(0) - 4));
  }
}

function drawEdges(pen, width, height, colour) {
  const near = 4; // pixels; lines that would be closer are left out
  const xOf = (offset) => LEFT + offset / facts.size * (width - LEFT);
  const draw = (offset, wide, name) => {
    pen.fillStyle = colour(name);
    pen.fillRect(Math.round(xOf(offset)), 0, wide, height);
  };
  for (const block of blocks) {
    const room = xOf(block.end) - xOf(block.start);
    const lanes = room > near * block.lanes ? block.lanes : 1;
    for (let lane = 1; lane < lanes; lane++) draw(laneStart(block, lane), 1, "--lane");
    if (block.start && room > near) draw(block.start, 2, "--edge");
  }
}

function read(offset) { // the curve, nothing if there is no offset
  $("cursor").hidden = offset === undefined;
  $("reading").textContent = "Bits per byte along the file; click to see the bytes there.";
  if (offset === undefined) return;
  cursor = offset;
  $("cursor").style.left = share(offset);
  const block = blockAt(offset), per = Math.max(curve.step, Math.ceil(facts.size / (canvas.clientWidth - LEFT)));
  const from = offset - offset % per, to = Math.min(facts.size, from + per);
  const lane = block.lanes > 1 ? `, lane ${laneAt(block, offset) + 1}` : "", mean = meanBetween(from, to).toFixed(2);
  const where = `block ${block.number}${lane}: ${wayOf(block)}`;
  $("reading").textContent = `${grouped(from)} to ${grouped(to - 1)}: ${mean} bits per byte · ${where}`;
  canvas.setAttribute("aria-valuenow", offset);
  canvas.setAttribute("aria-valuetext", $("reading").textContent);
}

function turned(event) { // by keys on the curve
  const step = Math.ceil(facts.size / 100);
  const moves = { ArrowLeft: -step, ArrowRight: step, Home: -cursor, End: facts.size };
  if (event.key === "Enter") goTo(cursor);
  else if (event.key in moves) read(clamp(cursor + moves[event.key], 0, facts.size - 1));
  else return;
  event.preventDefault();
}

/* The beginning */

function drawHead() {
  $("name").textContent = facts.name;
  $("program").textContent = `likezip ${facts.version} · model ${facts.model.join(" ")}`;
  $("summary").textContent = facts.size ? [
    `${counted(facts.size, "byte")}, compressed about ${grouped(facts.bits / 8)}`,
    `${(facts.bits / facts.size).toFixed(3)} bits per byte`,
    blocks.length > 1 ? counted(blocks.length, "block") : `1 block: ${wayOf(blocks[0])}`,
  ].join(" · ") : "The file is empty: there is nothing to show.";
  if (!facts.size) return;
  const legend = [0, 0.1, 0.5, 1, 2, 4, 8].map((bits) => [bits, levelOf(rootOf(bits))]);
  legend.push(["12 +", LEVELS - 1], ...(blocks.some((block) => block.mode === STORED) ? [["stored", "stored"]] : []));
  $("scale").append(...legend.map(([text, name]) => {
    const step = document.createElement("span");
    step.className = `l-${name}`;
    step.textContent = text;
    return step;
  }));
  canvas.setAttribute("aria-valuemax", facts.size - 1);
  const [before, behind] = document.querySelectorAll(".off");
  span(before, 0, first);
  span(behind, first + size, facts.size);
  read();
}

function drawShown() { // which part of the file
  const per = (bits) => (bits / size).toFixed(3);
  const alone = part.prior === null ? "" : `; prior alone ${per(part.prior)}, memory alone ${per(part.memory)}`;
  const means = size ? `: ${per(part.bits)} bits per byte, uncorrected ${per(part.mixed)}${alone}` : "";
  const range = size ? `bytes ${grouped(first)} to ${grouped(first + size - 1)}` : "none of the bytes";
  const next = first + size < facts.size ? first + size : 0;
  if (size === facts.size) $("shown").append(`All of the file${means}.`);
  else $("shown").append(`This page shows ${range}${means}. The ${next ? "next" : "first"} part: `, commandFor(next));
}

function listen() {
  pane.addEventListener("scroll", soon, { passive: true });
  pane.addEventListener("pointermove", (event) => hover(pointed(event)));
  pane.addEventListener("pointerleave", () => hover(-1));
  pane.addEventListener("click", (event) => { if (pointed(event) >= 0) select(pointed(event)); });
  pane.addEventListener("keydown", pressed);
  canvas.addEventListener("pointermove", (event) => read(offsetOf(event.offsetX)));
  canvas.addEventListener("pointerleave", () => read());
  canvas.addEventListener("click", (event) => goTo(offsetOf(event.offsetX)));
  canvas.addEventListener("keydown", turned);
  for (const [id, wanted] of [["text", textView], ["hex", hexView]]) {
    $(id).addEventListener("click", () => { show(wanted); remember(); });
  }
  $("before").addEventListener("click", () => surprise(-1));
  $("after").addEventListener("click", () => surprise(1));
  addEventListener("hashchange", follow);
  night.addEventListener("change", () => { dye(); drawCurve(); });
  new ResizeObserver(() => { if (view.layOut()) show(view); else soon(); }).observe(pane);
  new ResizeObserver(drawCurve).observe(canvas);
}

async function begin() {
  dye();
  drawHead();
  for (const id of ["curve", "reading", "tools", "help", "main"]) $(id).hidden = !facts.size;
  if (!facts.size) return done();
  drawCurve();
  if (!("DecompressionStream" in window)) throw Error("it needs DecompressionStream, which browsers have since 2023");
  await unpack();
  edges = boundaries();
  drawShown();
  show(facts.text ? textView : hexView);
  follow();
  listen();
  done();
}

function done() { // after so many milliseconds
  document.documentElement.dataset.ready = Math.ceil(performance.now());
}

begin().catch((error) => {
  say(`This page can't be drawn: ${error.message}.`);
  throw error;
});
