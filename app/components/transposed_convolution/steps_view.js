// A transposed convolution step by step: each input element lays a weighted copy of the filter down; overlaps add up.
import { fill, make } from "../shared/dom.js";
import { plainNumber } from "../shared/numbers.js";
import { StepPlayer } from "../shared/step_player.js";
import { canvasOf } from "./arithmetic.js";
import { CellGrid } from "./cell_grid.js";

export class StepsView {
  constructor(root, words, change) {
    this.root = root; this.words = words; this.hovered = -1;
    const point = { hover: (index) => { this.hovered = index; this.tell(); } };
    this.grids = { start: new CellGrid("start", words.grid_start), filter: new CellGrid("filter", words.grid_filter), laid: new CellGrid("laid", words.grid_laid), canvas: new CellGrid("canvas", words.grid_canvas, point), result: new CellGrid("cut", words.grid_cut) };
    this.player = new StepPlayer(words, (step) => change({ step }), (at, count) => fill(words.added, { n: at, all: count - 1 }), () => 1);
    this.formula = make("p", { class: "formula" });
    this.sentence = make("p", { class: "sentence" });
    const { start, filter, laid, canvas, result } = this.grids, sign = (text) => make("span", { class: "operator" }, text);
    root.replaceChildren(this.formula, make("div", { class: "three" }, start.element, sign("·"), filter.element, sign("="), laid.element), this.player.element, this.sentence,
      make("div", { class: "three wide" }, canvas.element, sign("→"), result.element), make("div", { class: "keys" }, ["new", "overlap", "cut"].map((name) => make("span", { class: `key ${name}` }, words[`key_${name}`]))));
    this.observer = new ResizeObserver(() => this.settings && this.layout());
    this.observer.observe(root);
  }

  show(settings, weight, start) {
    Object.assign(this, { settings, weight, start, hovered: -1 });
    this.layout();
  }

  layout() {
    const { settings, weight, start, words } = this, small = start.length, kernel = weight.length, width = this.root.clientWidth;
    if (!width) return;
    const step = Math.min(settings.step, small * small), { up_stride: stride, up_padding: padding, extra } = settings;
    const whole = canvasOf(start, weight, stride, extra, small * small), now = canvasOf(start, weight, stride, extra, step);
    this.now = now; this.kept = now.side - 2 * padding;
    const cell = Math.max(16, Math.min(54, Math.floor((width - 90) / (small + 2 * kernel + 1)))), wide = Math.max(14, Math.min(54, Math.floor((width - 70) / (now.side + this.kept + 1)), Math.floor(440 / now.side)));
    const limit = Math.max(1, ...whole.sums.map(Math.abs)), last = step - 1, value = last >= 0 ? start.flat()[last] : null;
    this.grids.start.show(small, small, start.flat(), { cell });
    this.grids.start.mark((i) => (i === last ? "chosen" : i < last ? "done" : ""));
    this.grids.filter.show(kernel, kernel, weight.flat(), { cell });
    this.grids.laid.show(kernel, kernel, weight.flat().map((one) => (value === null ? null : one * value)), { cell, limit });
    this.grids.canvas.show(now.side, now.side, now.sums.map((sum, i) => (now.parts[i].length ? sum : null)), { cell: wide, limit });
    const inside = (i) => { const r = Math.floor(i / now.side), c = i % now.side; return r >= padding && c >= padding && r < now.side - padding && c < now.side - padding; };
    this.marks = (i) => [now.parts[i].some(([, , from]) => from === last) ? "new" : "", now.parts[i].length > 1 ? "overlap" : "", inside(i) ? "" : "cut"].filter(Boolean).join(" ");
    this.grids.canvas.mark(this.marks);
    const result = now.sums.map((sum, i) => (now.parts[i].length ? sum : null)).filter((_, i) => inside(i));
    this.grids.result.show(this.kept, this.kept, result, { cell: wide, limit });
    this.player.set(step, small * small + 1);
    this.formula.textContent = fill(words.size_formula, { n: small, s: stride, p: padding, f: kernel, extra, side: this.kept });
    this.tell();
  }

  tell() {
    const { words, now } = this, number = (value) => (value < 0 ? `(${plainNumber(value, 3)})` : plainNumber(value, 3)), list = this.hovered >= 0 ? now.parts[this.hovered] : null;
    if (list) {
      const at = `(${Math.floor(this.hovered / now.side)}, ${this.hovered % now.side})`;
      this.sentence.textContent = list.length ? fill(words.told_cell, { at, sum: list.map(([value, factor]) => `${number(value)}·${number(factor)}`).join(" + "), value: plainNumber(now.sums[this.hovered], 3), n: list.length }) : fill(words.told_empty, { at });
      return;
    }
    const { step } = this.settings, small = this.start.length;
    if (!step) { this.sentence.textContent = words.told_start; return; }
    const row = Math.floor((step - 1) / small), column = (step - 1) % small, stride = this.settings.up_stride;
    this.sentence.textContent = fill(words.told_step, { row, column, value: plainNumber(this.start[row][column], 3), top: row * stride, left: column * stride, n: now.parts.filter((one) => one.length > 1).length });
  }

  close() { this.player.stop(); this.observer.disconnect(); }
}
