// A convolution as one matrix: the pixels above it, the outputs beside it; a row is a patch, a column a pixel's uses.
import { fill, make } from "../shared/dom.js";
import { plainNumber } from "../shared/numbers.js";
import { matrixOf, product, transposeOf } from "./arithmetic.js";
import { CellGrid } from "./cell_grid.js";

const MOST_TERMS = 12;

export class MatrixView {
  constructor(root, words) {
    this.root = root; this.words = words; this.pinned = [0, -1]; this.hovered = null;
    const grid = (name, toPlace) => new CellGrid(name, words[`grid_${name}`], { hover: (index) => this.hover(index < 0 ? null : toPlace(index)), press: (index) => { this.pinned = toPlace(index); this.draw(); } });
    this.grids = { input: grid("input", (i) => [-1, i]), filter: new CellGrid("filter", words.grid_filter), output: grid("output", (i) => [i, -1]) };
    this.vector = grid("vector", (i) => [-1, i]); this.matrix = grid("matrix", (i) => [Math.floor(i / this.made.columns), i % this.made.columns]); this.result = grid("result", (i) => [i, -1]);
    this.sentence = make("p", { class: "sentence" });
    this.facts = make("p", { class: "quiet" });
    this.scroller = make("div", { class: "matrix-box" }, make("div", { class: "matrix-table" }, this.vector.element, make("span"), make("span"), this.matrix.element, make("span", { class: "equals" }, "="), this.result.element));
    root.replaceChildren(make("div", { class: "three" }, this.grids.input.element, this.operator = make("span", { class: "operator" }, "∗"), this.grids.filter.element, make("span", { class: "operator" }, "="), this.grids.output.element), this.sentence, this.scroller, this.facts);
    this.observer = new ResizeObserver(() => this.made && this.layout());
    this.observer.observe(root);
  }

  show(settings, weight, pixels) {
    const plain = matrixOf(weight, settings.size, settings.stride, settings.padding), flat = pixels.flat();
    const forward = product(plain, flat);
    Object.assign(this, { settings, weight, made: settings.transposed ? transposeOf(plain) : plain });
    this.input = settings.transposed ? forward : flat;
    this.inputSide = settings.transposed ? plain.out : settings.size; this.outputSide = settings.transposed ? settings.size : plain.out;
    this.output = product(this.made, this.input);
    if (this.pinned[0] >= this.made.rows || this.pinned[1] >= this.made.columns) this.pinned = [0, -1];
    this.hovered = null;
    this.layout();
  }

  layout() {
    const { made, words } = this, width = this.root.clientWidth;
    if (!width) return;
    const cell = Math.max(15, Math.min(44, Math.floor((width - 60) / (made.columns + 2.4)), Math.max(19, Math.floor(400 / made.rows)))), side = Math.min(46, Math.max(20, Math.floor((width - 90) / (this.inputSide + this.outputSide + this.weight.length + 1))));
    const gray = this.settings.transposed ? {} : { kind: "gray", limit: 255 };
    this.grids.input.show(this.inputSide, this.inputSide, this.input, { cell: side, ...gray });
    this.grids.filter.show(this.weight.length, this.weight.length, this.weight.flat(), { cell: side });
    this.grids.output.show(this.outputSide, this.outputSide, this.output, { cell: side });
    this.vector.show(1, made.columns, this.input, { cell, ...gray });
    this.matrix.show(made.rows, made.columns, made.entries.map((entry, i) => (made.sources[i] < 0 ? null : entry)), { cell, limit: Math.max(...this.weight.flat().map(Math.abs), 1) });
    this.result.show(made.rows, 1, this.output, { cell: Math.round(cell * 1.4) });
    this.result.cells.style.setProperty("--cell", `${cell}px`);
    const nonzero = made.sources.filter((source) => source >= 0).length, all = made.sources.length;
    this.facts.textContent = fill(words.matrix_facts, { rows: made.rows, columns: made.columns, all: all.toLocaleString("en-US"), kept: nonzero.toLocaleString("en-US"), zeros: (100 * (1 - nonzero / all)).toFixed(1), weights: this.weight.length ** 2 });
    for (const [name, key] of [["input", this.settings.transposed ? "grid_map" : "grid_input"], ["output", this.settings.transposed ? "grid_back" : "grid_output"]]) this.grids[name].title.textContent = words[key];
    this.operator.textContent = this.settings.transposed ? "∗ᵀ" : "∗";
    this.matrix.title.textContent = words[this.settings.transposed ? "grid_matrix_transposed" : "grid_matrix"];
    this.draw();
  }

  hover(place) { this.hovered = place; this.draw(); }

  draw() {
    const { made } = this, [row, column] = this.hovered || this.pinned, used = (r, c) => made.sources[r * made.columns + c] >= 0;
    const inputs = (i) => (i === column ? "chosen" : row >= 0 && used(row, i) ? "on" : ""), outputs = (i) => (i === row ? "chosen" : column >= 0 && used(i, column) ? "on" : "");
    this.grids.input.mark(inputs); this.vector.mark(inputs);
    this.grids.output.mark(outputs); this.result.mark(outputs);
    this.matrix.mark((i) => { const r = Math.floor(i / made.columns), c = i % made.columns; return r === row && c === column ? "chosen" : r === row || c === column ? "line" : ""; });
    const met = row >= 0 && column >= 0 ? [made.sources[row * made.columns + column]] : row >= 0 ? Array.from({ length: made.columns }, (_, c) => made.sources[row * made.columns + c]) : Array.from({ length: made.rows }, (_, r) => made.sources[r * made.columns + column]);
    const weights = new Set(met.filter((source) => source >= 0));
    this.grids.filter.mark((i) => (weights.has(i) ? "on" : ""));
    this.sentence.textContent = this.told(row, column);
  }

  told(row, column) {
    const { words, made } = this, place = (index, side) => `(${Math.floor(index / side)}, ${index % side})`, number = (value) => plainNumber(value, 3), bracket = (value) => (value < 0 ? `(${number(value)})` : number(value));
    if (row < 0) {
      const users = Array.from({ length: made.rows }, (_, r) => r).filter((r) => made.sources[r * made.columns + column] >= 0);
      return fill(words.told_column, { column, place: place(column, this.inputSide), value: number(this.input[column]), n: users.length, list: users.slice(0, MOST_TERMS).map((r) => place(r, this.outputSide)).join(", ") });
    }
    const terms = Array.from({ length: made.columns }, (_, c) => c).filter((c) => made.sources[row * made.columns + c] >= 0);
    if (column >= 0) {
      const source = made.sources[row * made.columns + column], entry = made.entries[row * made.columns + column];
      return fill(words[source < 0 ? "told_zero" : "told_entry"], { row, column, input: place(column, this.inputSide), output: place(row, this.outputSide), weight: number(entry), at: place(Math.max(source, 0), this.weight.length), value: number(this.input[column]), product: number(entry * this.input[column]) });
    }
    const shown = terms.slice(0, MOST_TERMS).map((c) => `${bracket(made.entries[row * made.columns + c])}·${bracket(this.input[c])}`).join(" + ");
    return fill(words.told_row, { row, place: place(row, this.outputSide), sum: shown + (terms.length > MOST_TERMS ? " + …" : "") || "0", value: number(this.output[row]) });
  }

  move(down, right) {                                     // arrow keys: to another row or column
    const [row, column] = this.pinned, { rows, columns } = this.made, within = (at, most) => Math.min(Math.max(at, -1), most - 1);
    const next = [within(row + down, rows), within(column + right, columns)];
    this.pinned = next[0] < 0 && next[1] < 0 ? this.pinned : next;
    this.hovered = null;
    this.draw();
  }

  close() { this.observer.disconnect(); }
}
