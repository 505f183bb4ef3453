// The network's true output: a map over the picture, and every number of the cell that is pointed at.
import { SCALES, cssColour, gradientCss, signedEntry } from "../shared/colours.js";
import { classColour } from "../shared/class_colours.js";
import { fill, make } from "../shared/dom.js";

const sigmoid = (t) => 1 / (1 + Math.exp(-t));
const grown = (t) => Math.exp(Math.min(Math.max(t, -6), 4));

export class OutputView {
  constructor(screen) {
    this.screen = screen;
    this.low = make("span"); this.bar = make("i"); this.high = make("span"); this.value = make("output");
    this.legend = make("div", { class: "legend" }, this.low, this.bar, this.high, this.value);
    this.title = make("h3"); this.scroll = make("div", { class: "table-scroll" });
    this.numbers = [this.title, this.scroll];
  }

  take(output, arrays) {
    Object.assign(this, { output, raw: arrays.raw, boxes: arrays.boxes, scores: arrays.scores });
    const [rows, columns] = output.grid, classes = output.categories.length, anchors = output.anchors.length;
    this.rows = rows; this.columns = columns; this.classes = classes; this.anchors = anchors; this.width = 5 + classes;
    this.reach = output.extent.map(Math.ceil);            // rows, columns of cells that the picture covers
    this.best = new Float32Array(rows * columns);
    let most = -1;
    for (let i = 0; i < rows * columns; i++) {
      for (let a = 0; a < anchors; a++) for (let c = 0; c < classes; c++) this.best[i] = Math.max(this.best[i], this.score(a, i, c));
      if (this.best[i] > most) { most = this.best[i]; this.strongest = [Math.floor(i / columns), i % columns]; }
    }
  }

  score(anchor, cell, label) { return this.scores[(anchor * this.rows * this.columns + cell) * this.classes + label]; }
  rawAt(channel, cell) { return this.raw[channel * this.rows * this.columns + cell]; }

  get cell() {                                            // [row, column] that is read: pointed at, pinned, or the strongest
    const { settings } = this.screen;
    if (this.hovered) return this.hovered;
    if (settings.row < 0 || settings.column < 0) return this.strongest;
    return [Math.min(settings.row, this.rows - 1), Math.min(settings.column, this.columns - 1)];
  }

  get side() { return this.output.stride / this.output.scale; }   // pixels of the picture a cell

  get channelNames() { return ["t_x", "t_y", "t_w", "t_h", "t_obj", ...this.output.categories]; }

  show() {
    const { screen } = this, { words, settings } = screen, channel = this.channel;
    screen.editor.setEditable(false);
    screen.editor.setItems([], -1);
    if (channel < 0) { this.limit = 1; this.bar.style.background = gradientCss(SCALES.magnitude); this.low.textContent = "0"; this.high.textContent = "1"; } else {
      const plane = this.raw.subarray(channel * this.rows * this.columns, (channel + 1) * this.rows * this.columns);
      this.limit = plane.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-6);
      this.bar.style.background = gradientCss(SCALES.signed, 1); this.low.textContent = `−${this.limit.toFixed(1)}`; this.high.textContent = this.limit.toFixed(1);
    }
    screen.controls.channels(this, settings.channel);
    screen.editor.draw();
    this.read();
    return fill(words.say_output, { rows: this.rows, columns: this.columns, anchors: this.anchors, classes: this.classes, depth: this.output.depth, model: words[`model_${screen.block.model}`] });
  }

  get channel() { return this.screen.settings.channel < this.output.depth ? this.screen.settings.channel : -1; }

  colour(cell) {
    if (this.channel < 0) return cssColour(SCALES.magnitude, Math.min(Math.round(this.best[cell] * 255), 255));
    return cssColour(SCALES.signed, signedEntry(this.rawAt(this.channel, cell), this.limit));
  }

  under(pen, editor) {
    const { side } = this;
    for (let row = 0; row < this.reach[0]; row++) for (let column = 0; column < this.reach[1]; column++) {
      const cell = row * this.columns + column;
      pen.fillStyle = this.colour(cell);
      pen.globalAlpha = this.channel < 0 ? Math.min(this.best[cell] * 1.4, 0.62) : 0.74;   // what scores nothing leaves the picture clear
      const [left, top, width, height] = editor.rect([column * side, row * side, Math.min((column + 1) * side, editor.size[1]), Math.min((row + 1) * side, editor.size[0])]);
      pen.fillRect(left, top, width + 0.5, height + 0.5);
    }
    pen.globalAlpha = 1;
    drawLines(pen, editor, this.reach[0], this.reach[1], side, side);
  }

  over(pen, editor) {
    const [row, column] = this.cell, { side } = this, cell = row * this.columns + column;
    editor.outline(pen, [column * side, row * side, (column + 1) * side, (row + 1) * side], { colour: this.screen.accent, weight: 2 });
    const winner = this.winner(cell);
    for (let a = 0; a < this.anchors; a++) {
      if (a === winner.anchor) continue;
      editor.outline(pen, this.boxAt(a, cell), { colour: "#3a3f47", weight: 1, dash: true, alpha: 0.55 });
    }
    const { anchor, label, score } = winner, box = this.boxAt(anchor, cell), colour = classColour(label);
    const style = { colour, weight: score > 0.6 ? 3.4 : 2, text: `${this.output.categories[label]} ${score.toFixed(2)}` };
    editor.outline(pen, box, style); editor.tag(pen, box, style);
    const [x, y] = editor.toScreen((box[0] + box[2]) / 2, (box[1] + box[3]) / 2);
    dot(pen, x, y, colour);
  }

  boxAt(anchor, cell) { const at = 4 * (anchor * this.rows * this.columns + cell); return Array.from(this.boxes.subarray(at, at + 4)); }

  winner(cell) {
    let found = { anchor: 0, label: 0, score: -1 };
    for (let a = 0; a < this.anchors; a++) for (let c = 0; c < this.classes; c++) {
      const score = this.score(a, cell, c);
      if (score > found.score) found = { anchor: a, label: c, score };
    }
    return found;
  }

  read() {                                                // every number of the cell, an anchor a column
    const { words } = this.screen, [row, column] = this.cell, cell = row * this.columns + column, { anchor: best } = this.winner(cell), names = this.channelNames;
    this.title.textContent = fill(words.cell_title, { row, column });
    this.value.textContent = this.channel < 0 ? `${words.best_score} ${this.best[cell].toFixed(3)}` : this.rawAt(this.channel, cell).toFixed(3).replace("-", "−");
    const each = (text) => this.output.anchors.map((_, a) => text(a, (k) => this.rawAt(a * this.width + k, cell)));
    const line = (name, text, end = false, hint = "") => [name, each(text), end, hint];
    const size = (a) => this.output.anchors[a].map((value) => Math.round(value)).join("×");
    const lines = [line(words.anchor_size, (a) => size(a), true),
      ...names.map((name, k) => line(k < 5 ? name : `t ${name}`, (a, t) => t(k).toFixed(3), k === names.length - 1)),
      line("p_c = σ(t_obj)", (a, t) => sigmoid(t(4)).toFixed(3)),
      ...this.output.categories.map((name, c) => line(`p_c·σ ${name}`, (a) => this.score(a, cell, c).toFixed(3), c === this.classes - 1)),
      line("b_x = 2σ(t_x) − ½", (a, t) => (2 * sigmoid(t(0)) - 0.5).toFixed(3)), line("b_y", (a, t) => (2 * sigmoid(t(1)) - 0.5).toFixed(3)),
      line("b_h = p_h·e^t_h", (a, t) => (this.output.anchors[a][1] * grown(t(3)) / this.output.stride).toFixed(3), false, words.in_cells), line("b_w", (a, t) => (this.output.anchors[a][0] * grown(t(2)) / this.output.stride).toFixed(3), true, words.in_cells),
      ...["x1", "y1", "x2", "y2"].map((name, k) => line(name, (a) => this.boxAt(a, cell)[k].toFixed(1), false, words.in_pixels))];
    if (!this.cells || this.cells.length !== lines.length || this.cells[0].length !== this.anchors + 1) this.makeTable(lines);
    lines.forEach(([name, texts, , hint], i) => {
      [name, ...texts].forEach((text, k) => { const node = this.cells[i][k]; const printed = String(text).replace(/^-/, "−"); if (node.textContent !== printed) node.textContent = printed; node.classList.toggle("best", k === best + 1); });
      this.cells[i][0].title = hint;
    });
  }

  makeTable(lines) {
    const { words } = this.screen;
    this.cells = [];
    const body = lines.map(([, texts, end]) => { const cells = [make("td"), ...texts.map(() => make("td"))]; this.cells.push(cells); return make("tr", { class: end ? "line" : null }, cells); });
    const head = make("tr", {}, make("th", { scope: "col" }, words.column_anchor), ...this.output.anchors.map((_, a) => make("th", { scope: "col" }, String(a + 1))));
    this.scroll.replaceChildren(make("table", { class: "vector" }, make("thead", {}, head), make("tbody", {}, body)));
  }

  cellAt(x, y) {
    const row = Math.floor(y / this.side), column = Math.floor(x / this.side);
    return row >= 0 && column >= 0 && row < this.reach[0] && column < this.reach[1] ? [row, column] : null;
  }

  hover(x, y) { this.hovered = x === null ? null : this.cellAt(x, y); this.screen.editor.draw(); this.read(); }

  pick(x, y) { const cell = this.cellAt(x, y); if (cell) this.screen.change({ row: cell[0], column: cell[1] }); }

  key(event) {
    const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }, step = steps[event.key];
    if (!step) return false;
    this.hovered = null;
    const [row, column] = this.cell, [rows, columns] = this.reach;
    this.screen.change({ row: Math.min(Math.max(row + step[0], 0), rows - 1), column: Math.min(Math.max(column + step[1], 0), columns - 1) });
    return true;
  }
}

export function drawLines(pen, editor, rows, columns, high, wide) {
  const [height, width] = editor.size;
  pen.beginPath();
  for (let row = 1; row < rows; row++) { const [x, y] = editor.toScreen(0, row * high); pen.moveTo(x, y); pen.lineTo(x + width * editor.scale, y); }
  for (let column = 1; column < columns; column++) { const [x, y] = editor.toScreen(column * wide, 0); pen.moveTo(x, y); pen.lineTo(x, y + height * editor.scale); }
  const fine = Math.max(rows, columns) > 8;
  pen.lineWidth = fine ? 1.4 : 3; pen.strokeStyle = "rgb(0 0 0 / .35)"; pen.stroke();
  pen.lineWidth = fine ? 0.6 : 1.2; pen.strokeStyle = "rgb(255 255 255 / .8)"; pen.stroke();
}

export function dot(pen, x, y, colour) {
  pen.beginPath(); pen.arc(x, y, 4.5, 0, 7); pen.fillStyle = "#fff"; pen.fill();
  pen.beginPath(); pen.arc(x, y, 3, 0, 7); pen.fillStyle = colour; pen.fill();
}
