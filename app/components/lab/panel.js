// One panel of the stage: name, shape and size formula above; the map; the value under the cursor and the colour scale below.
import { make } from "../shared/dom.js";
import { Plane } from "../shared/plane.js";
import { Legend } from "../shared/legend.js";
import { SCALES, paintDirection, paintMap, paintPicture } from "../shared/colours.js";
import { plainNumber, setText, shortNumber } from "../shared/numbers.js";
import { sourceOf } from "./geometry.js";

const PADDING_TINT = "rgb(245 166 35 / .34)";

export class Panel {
  constructor(stage, lane, viewport, hooks) {
    this.stage = stage; this.lane = lane;
    this.plane = new Plane(viewport, hooks);
    this.plane.panel = this;
    this.name = make("span", { class: "name" });
    this.shape = make("span", { class: "shape" });
    this.formula = make("div", { class: "formula" });
    this.readout = make("div", { class: "readout" });
    this.placeText = make("span", { class: "place" }); this.valueText = make("b");
    this.legend = new Legend();                           // of the input only while it shows how often each pixel is used
    this.note = make("div", { class: "panel-note" });
    this.element = make("figure", { class: "panel", "data-stage": stage },
      make("figcaption", {}, make("div", { class: "title" }, this.name, this.shape), this.formula),
      this.plane.frame, this.readout, this.legend.element, this.note);
  }

  paint(words, atRest) {
    const { lane, stage, plane } = this, { geometry } = lane;
    this.words = words;
    if (stage === "input") {
      const look = JSON.stringify([lane.result.input, geometry, lane.settings.overlay, lane.settings.plane, plane.width, plane.height]);
      if (look === this.look && lane.input === this.painted) return;
      this.look = look; this.painted = lane.input;
      this.paintInput();
      plane.draw();
      return;
    }
    const [rows, columns] = lane.shapeOf(stage), scale = lane.scaleOf(stage), data = lane.dataOf(stage);
    const edges = stage === "before" ? lane.edges : null;
    plane.setContent({
      rows, columns, affine: lane.affineOf(stage),
      paint: (pixels) => {
        if (edges && lane.settings.view === "direction") paintDirection(edges, lane.arrays.magnitude.data, pixels, scale.limit);
        else paintMap(edges || data, pixels, scale, lane.draft && !edges);
      },
      numbersAt: lane.draft ? null : (row, column) => [shortNumber(lane.valueAt(stage, row, column))],
      decorate: (pen) => this.decorateMap(pen),
    });
    plane.draw();
    this.legend.show(scale, words);
    if (atRest && !lane.draft) this.legend.count(edges || data);
  }

  paintInput() {
    const { lane, plane } = this, { geometry, input, settings } = lane;
    const [height, width] = geometry.size, [top, bottom, left, right] = geometry.padding;
    const rows = height + top + bottom, columns = width + left + right;
    const channels = input.shape[0], range = lane.inputRange();
    const asked = settings.plane === "all" ? -1 : Number(settings.plane);
    const chosen = channels === 3 && !range ? asked : Math.min(Math.max(asked, 0), channels - 1);
    this.counts = settings.overlay === "usage" ? [lane.arrays.rows.data, lane.arrays.columns.data] : null;
    this.legend.element.classList.toggle("cs-hidden", !this.counts);
    if (this.counts) this.countUses();
    plane.setContent({
      rows, columns, affine: lane.affineOf("input"),
      paint: (pixels) => {
        const inner = rows === height && columns === width ? pixels : new Uint32Array(height * width);
        if (this.counts) this.paintCounts(inner, height, width); else paintPicture(input.data, inner, channels, chosen, range);
        if (inner !== pixels) this.surround(pixels, inner, chosen, range, rows, columns);
      },
      numbersAt: (row, column) => this.inputNumbers(row - top, column - left, chosen, channels),
      decorate: (pen) => this.decorateInput(pen),
    });
  }

  countUses() {
    const [rows, columns] = this.counts;
    this.mostUses = Math.max(...rows) * Math.max(...columns) || 1;
    this.legend.show({ kind: "magnitude", low: 0, high: this.mostUses }, this.words);
    this.legend.count(Float32Array.from({ length: rows.length * columns.length }, (_, i) => rows[i / columns.length | 0] * columns[i % columns.length]));
  }

  paintCounts(out, height, width) {
    const [rows, columns] = this.counts, factor = 255 / this.mostUses;
    for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) out[y * width + x] = SCALES.magnitude[rows[y] * columns[x] * factor | 0];
  }

  surround(pixels, inner, plane, range, rows, columns) {       // the padded border, with the values that stand in it
    const { geometry } = this.lane, [height, width] = geometry.size, [top, , left] = geometry.padding;
    const level = (value) => (range ? (value - range[0]) / (range[1] - range[0]) * 255 : value);
    const fill = geometry.fill.map((value) => Math.min(Math.max(Math.round(level(value)), 0), 255));
    const [r, g, b] = plane < 0 && fill.length === 3 ? fill : Array(3).fill(fill[Math.max(plane, 0)]);
    const plain = this.counts ? 0 : (255 << 24 | b << 16 | g << 8 | r) >>> 0;
    for (let row = 0; row < rows; row++) {
      const y = sourceOf(row - top, height, geometry.mode);
      const outside = row < top || row >= top + height;
      if (!outside) pixels.set(inner.subarray(y * width, (y + 1) * width), row * columns + left);
      for (let column = 0; column < columns; column++) {
        if (!outside && column === left) column = left + width;
        if (column >= columns) break;
        const x = sourceOf(column - left, width, geometry.mode);
        pixels[row * columns + column] = y < 0 || x < 0 || this.counts ? plain : inner[y * width + x];
      }
    }
  }

  inputNumbers(row, column, chosen, channels) {
    const { lane } = this, [height, width] = lane.geometry.size;
    if (this.counts) return row < 0 || column < 0 || row >= height || column >= width ? null : [String(this.counts[0][row] * this.counts[1][column])];
    if (chosen >= 0) return [shortNumber(lane.inputValue(chosen, row, column))];
    return Array.from({ length: channels }, (_, channel) => shortNumber(lane.inputValue(channel, row, column)));
  }

  decorateInput(pen) {
    const { plane, lane } = this, [top, bottom, left, right] = lane.geometry.padding, [height, width] = lane.geometry.size;
    const [x, y, w, h] = plane.boxOf(top, left, height, width);
    if (top + bottom + left + right) {
      const [x0, y0, w0, h0] = plane.boxOf(0, 0, plane.rows, plane.columns);
      pen.fillStyle = PADDING_TINT;
      pen.beginPath(); pen.rect(x0, y0, w0, h0); pen.rect(x, y, w, h); pen.fill("evenodd");
      pen.setLineDash([5, 4]); pen.lineWidth = 1; pen.strokeStyle = "#c77700"; pen.strokeRect(x, y, w, h); pen.setLineDash([]);
    }
    this.hatch(pen, x, y, w, h);
  }

  hatch(pen, x, y, w, h) {                                     // rows and columns that no position of the filter reads
    const { lane, plane } = this, [top, , left] = lane.geometry.padding, [height, width] = lane.geometry.size;
    const runs = (counts) => {
      const found = [];
      for (let i = 0; i < counts.length; i++) {
        if (counts[i]) continue;
        if (found.length && found[found.length - 1][1] === i) found[found.length - 1][1] = i + 1; else found.push([i, i + 1]);
      }
      return found;
    };
    const rows = runs(lane.arrays.rows.data), columns = runs(lane.arrays.columns.data);
    if (!rows.length && !columns.length) return;
    this.pattern ||= hatchPattern(pen);
    pen.save();
    pen.beginPath(); pen.rect(x, y, w, h); pen.clip();
    pen.beginPath();
    for (const [first, end] of rows) pen.rect(...plane.boxOf(top + first, left, end - first, width));
    for (const [first, end] of columns) pen.rect(...plane.boxOf(top, left + first, height, end - first));
    pen.fillStyle = "rgb(128 132 140 / .55)"; pen.fill();
    pen.fillStyle = this.pattern; pen.fill();
    pen.restore();
  }

  markKept(pen) {                                              // a shifted input: a corner on each cell that it left as it was
    const { lane, plane } = this, last = lane.stages.includes("after") ? "after" : "before";
    const pooled = this.stage.startsWith("pool_") ? lane.arrays[`kept_${this.stage.slice("pool_".length)}`] : null;
    const kept = pooled || (this.stage === last ? lane.arrays.kept : null);
    const [, , cell] = plane.boxOf(0, 0);
    if (!kept || cell < 7) return;
    const [firstRow, rowEnd, firstColumn, columnEnd] = plane.visibleCells();
    pen.fillStyle = "#2f9e6e"; pen.strokeStyle = "white"; pen.lineWidth = 1;
    for (let row = firstRow; row < rowEnd; row++) for (let column = firstColumn; column < columnEnd; column++) {
      if (!kept.data[row * plane.columns + column]) continue;
      const [x, y] = plane.boxOf(row, column), size = Math.min(cell * 0.28, 14);
      pen.beginPath(); pen.moveTo(x, y); pen.lineTo(x + size, y); pen.lineTo(x, y + size); pen.closePath(); pen.fill(); pen.stroke();
    }
  }

  decorateMap(pen) {                                           // where cells are large enough: the winners of max pooling
    this.markKept(pen);
    const { lane, plane } = this, { pooling } = lane.result;
    const source = lane.stages.includes("after") ? "after" : "before";
    if (this.stage !== source || !lane.arrays.winners || lane.draft) return;
    const [, , cell] = plane.boxOf(0, 0);
    if (cell < 9) return;
    const winners = lane.arrays.winners.data, columns = plane.columns;
    pen.strokeStyle = getComputedStyle(plane.frame).getPropertyValue("--st-primary-color"); pen.lineWidth = Math.min(2, cell / 8);
    const [firstRow, rowEnd, firstColumn, columnEnd] = plane.visibleCells();
    const seen = new Set();
    for (let i = 0; i < pooling.outputs[0] * pooling.outputs[1]; i++) {
      const row = Math.floor(winners[i] / columns), column = winners[i] % columns;
      if (row < firstRow || row >= rowEnd || column < firstColumn || column >= columnEnd || seen.has(winners[i])) continue;
      seen.add(winners[i]);
      const [x, y, w, h] = plane.boxOf(row, column);
      pen.beginPath(); pen.arc(x + w - cell * 0.16, y + h - (h - cell) / 2 - cell * 0.16, Math.max(cell * 0.07, 1.5), 0, 7); pen.stroke();
    }
  }

  say(row, column) {                                           // the readout; null clears it
    const { lane, stage } = this;
    if (row === null || (stage !== "input" && lane.draft)) { this.readout.textContent = ""; this.legend.mark(null); return null; }
    let text;
    if (stage === "input") {
      const count = Math.min(lane.geometry.channels, 4);
      text = Array.from({ length: count }, (_, c) => plainNumber(lane.inputValue(c, row, column), 4)).join(", ");
      const uses = this.counts && this.counts[0][row] * this.counts[1][column];
      if (uses >= 0 && this.counts) { this.legend.mark(uses); text += ` · ${uses}×`; }
    } else {
      const value = lane.valueAt(stage, row, column);
      this.legend.mark(value);
      text = plainNumber(value, 4);
    }
    if (this.readout.firstChild !== this.placeText) this.readout.replaceChildren(this.placeText, this.valueText);
    setText(this.placeText, `[${row}, ${column}]`);
    setText(this.valueText, text);
    return text;
  }
}

function hatchPattern(pen) {
  const tile = new OffscreenCanvas(6, 6), line = tile.getContext("2d");
  line.strokeStyle = "rgb(255 255 255 / .75)"; line.lineWidth = 1.2;
  line.beginPath(); line.moveTo(-1, 7); line.lineTo(7, -1); line.moveTo(-1, 1); line.lineTo(1, -1); line.moveTo(5, 7); line.lineTo(7, 5); line.stroke();
  return pen.createPattern(tile, "repeat");
}
