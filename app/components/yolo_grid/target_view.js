// Objects that a person places: the cell and the anchor that answer for each, the target vector, and a loss with its don't-cares.
import { classColour } from "../shared/class_colours.js";
import { fill, make } from "../shared/dom.js";
import { readNumber } from "../shared/numbers.js";
import { GridTarget, squaredErrors } from "./grid_target.js";
import { dot, drawLines } from "./output_view.js";

const shown = (value) => Number(value.toFixed(3)).toString().replace("-", "−");

export class TargetView {
  constructor(screen) {
    this.screen = screen;
    this.title = make("h3"); this.note = make("p", { class: "quiet" }); this.warn = make("p", { class: "warn", role: "status" });
    this.scroll = make("div", { class: "table-scroll" });
    this.fits = make("div", { class: "fits" });
    this.facts = make("dl", { class: "facts" });
    this.numbers = [this.title, this.note, this.warn, this.scroll, this.facts, this.fits];
  }

  take(block) {
    this.items = block.objects.map(([x1, y1, x2, y2, label]) => ({ box: [x1, y1, x2, y2], label }));
    this.shapes = block.shapes; this.categories = block.categories;
    this.build();
  }

  get settings() { return this.screen.settings; }

  get cell() {                                            // [row, column, anchor] that is compared
    const { row, column, anchor, rows, columns } = this.settings;
    if (row >= 0 && column >= 0) return [Math.min(row, rows - 1), Math.min(column, columns - 1), Math.min(anchor, this.target.anchors - 1)];
    const [first] = this.target.assignments;
    return first ? [first.row, first.column, first.anchor] : [0, 0, 0];
  }

  get guessed() { const { guess } = this.settings, classes = this.categories.length; return [guess, ...new Array(classes).fill(1 / classes), 0.5, 0.5, 1, 1]; }

  get answer() {
    const numbers = this.settings.answer.split(",").map(Number);
    return numbers.length === 5 + this.categories.length && numbers.every(Number.isFinite) ? numbers.map((value) => Math.min(Math.max(value, -9), 9)) : this.guessed;
  }

  build() {
    const { rows, columns, anchors } = this.settings;
    this.target = new GridTarget(this.items, [rows, columns], this.screen.block.picture.size, this.categories.length, this.shapes.slice(0, anchors));
  }

  show() {
    const { screen, settings } = this, { words } = screen;
    this.build();
    screen.editor.setEditable(true);
    screen.editor.setItems(this.items);
    this.read();
    return fill(words[settings.rows * settings.columns === 1 ? "say_one" : "say_target"], { rows: settings.rows, columns: settings.columns, n: this.target.anchors, depth: this.target.depth, numbers: settings.rows * settings.columns * this.target.depth });
  }

  style(item, index, editor) {
    return { colour: classColour(item.label), weight: index === editor.selected ? 3.4 : 2.2, text: this.categories[item.label] };
  }

  under(pen, editor) {
    const { rows, columns } = this.settings, [height, width] = editor.size, high = height / rows, wide = width / columns, [row, column] = this.cell;
    drawLines(pen, editor, rows, columns, high, wide);
    for (const place of this.target.assignments) {
      pen.globalAlpha = 0.24; pen.fillStyle = classColour(place.label); pen.fillRect(...editor.rect([place.column * wide, place.row * high, (place.column + 1) * wide, (place.row + 1) * high]));
    }
    pen.globalAlpha = 1;
    editor.outline(pen, [column * wide, row * high, (column + 1) * wide, (row + 1) * high], { colour: this.screen.accent, weight: 2.4 });
  }

  over(pen, editor) {
    const chosen = editor.selected >= 0 ? this.target.assignments[editor.selected] : null;
    if (chosen && this.target.shapes.length) {            // the winning anchor's shape on the object's centre
      const [x1, y1, x2, y2] = this.items[chosen.object].box, [w, h] = this.target.shapes[chosen.anchor], x = (x1 + x2) / 2, y = (y1 + y2) / 2;
      editor.outline(pen, [x - w / 2, y - h / 2, x + w / 2, y + h / 2], { colour: "#14171c", weight: 1.6, dash: true });
    }
    if (this.settings.answer) {
      const [row, column] = this.cell;
      editor.outline(pen, this.target.box(this.answer, row, column), { colour: "#b25c06", weight: 2, dash: true });
    }
    for (const { box, label } of this.items) dot(pen, ...editor.toScreen((box[0] + box[2]) / 2, (box[1] + box[3]) / 2), classColour(label));
  }

  read() {
    const { words } = this.screen, { target, categories } = this, [row, column, anchor] = this.cell, answer = this.answer;
    this.title.textContent = fill(words.vector_title, { row, column });
    const vectors = Array.from({ length: target.anchors }, (_, a) => target.vector(row, column, a)), chosen = vectors[anchor], errors = squaredErrors(answer, chosen);
    this.note.textContent = chosen.owner === null ? words.vector_empty : fill(words.vector_object, { name: categories[this.items[chosen.owner].label], n: chosen.owner + 1 });
    this.warn.textContent = target.collisions.map(({ object, takenBy, label }) => fill(words.collision, { n: object + 1, name: categories[label], other: takenBy + 1 })).join(" ");
    this.warn.classList.toggle("cs-hidden", !target.collisions.length);
    const few = target.anchors < 4, names = target.names.map((name, i) => (few && i >= 1 && i <= categories.length ? `${name} ${categories[i - 1]}` : name));
    const key = `${names.join()}:${target.anchors}`;
    if (this.tableKey !== key) this.makeTable(names, key);
    names.forEach((_, i) => {
      vectors.forEach(({ values, cares }, a) => { const cell = this.cells[i][a]; cell.textContent = cares[i] ? shown(values[i]) : "?"; cell.className = `${cares[i] ? "" : "care"} ${a === anchor ? "best" : ""} ${cares[i] && i === 0 && values[0] === 1 ? "one" : ""}`; });
      const input = this.inputs[i];
      if (input.getRootNode().activeElement !== input) input.value = shown(answer[i]);
      this.terms[i].textContent = chosen.cares[i] ? errors[i].toFixed(4) : "0";
      this.terms[i].className = chosen.cares[i] ? "" : "care";
    });
    this.heads.forEach((head, a) => head.classList.toggle("best", a === anchor));
    this.showLoss(errors);
    this.showFits();
  }

  makeTable(names, key) {
    const { words } = this.screen;
    this.tableKey = key; this.cells = []; this.inputs = []; this.terms = [];
    const several = this.target.anchors > 1;
    this.heads = Array.from({ length: this.target.anchors }, (_, a) => make("th", { scope: "col", role: several ? "button" : null, title: several ? fill(words.anchor_n, { n: a + 1 }) : null, tabindex: several ? "0" : null, onclick: () => this.pickAnchor(a), onkeydown: (event) => { if (event.key === "Enter") this.pickAnchor(a); } }, several ? (this.target.anchors < 3 ? fill(words.anchor_n, { n: a + 1 }) : `y ${a + 1}`) : "y"));
    const body = names.map((name, i) => {
      const cells = this.heads.map(() => make("td")), term = make("td");
      const input = make("input", { type: "text", inputmode: "decimal", "aria-label": `ŷ ${name}`, onchange: () => { const typed = readNumber(input.value); if (typed === null) { this.read(); return; } const numbers = [...this.answer]; numbers[i] = typed; this.screen.change({ ...this.pin(), answer: numbers.map((value) => Number(value.toFixed(4))).join(",") }); } });
      this.cells.push(cells); this.inputs.push(input); this.terms.push(term);
      return make("tr", {}, make("td", {}, name), cells, make("td", {}, input), term);
    });
    const head = make("tr", {}, make("th", { scope: "col" }, words.column_entry), this.heads, make("th", { scope: "col" }, "ŷ"), make("th", { scope: "col" }, "(ŷ − y)²"));
    this.scroll.replaceChildren(make("table", { class: "vector" }, make("thead", {}, head), make("tbody", {}, body)));
  }

  showLoss(errors) {
    const { words } = this.screen, [row, column, anchor] = this.cell, { guessed, answer } = this;
    const loss = this.target.loss((r, c, a) => (r === row && c === column && a === anchor ? answer : guessed));
    const line = (label, value, kind = null) => [make("dt", { class: kind }, label), make("dd", { class: kind }, value.toFixed(4))];
    this.facts.replaceChildren(...line(words.loss_here, errors.reduce((a, b) => a + b, 0)), ...line(words.loss_objects, loss.objects), ...line(words.loss_background, loss.background), ...line(words.loss_total, loss.total, "sum"));
  }

  showFits() {                                            // how well each anchor's shape fits the chosen object
    const { words, editor } = this.screen, place = this.target.assignments[editor.selected];
    if (!place || !this.target.shapes.length) { this.fits.replaceChildren(make("p", { class: "quiet" }, this.target.shapes.length ? words.fits_none : words.fits_no_anchors)); return; }
    this.fits.replaceChildren(make("h3", {}, fill(words.fits_title, { n: place.object + 1, name: this.categories[place.label] })), ...place.overlaps.map((overlap, a) => {
      const bar = make("i"); bar.style.width = `${overlap * 100}%`;
      return make("div", { class: a === place.anchor ? "fit wins" : "fit" }, make("span", {}, fill(words.anchor_n, { n: a + 1 })), make("div", {}, bar), make("output", {}, overlap.toFixed(3)));
    }));
  }

  pin() { const [row, column, anchor] = this.cell; return { row, column, anchor }; }

  pickAnchor(anchor) { this.screen.change({ ...this.pin(), anchor, answer: "" }); }

  toObject() {                                            // the compared place follows the chosen object
    const place = this.target.assignments[this.screen.editor.selected];
    return place ? { row: place.row, column: place.column, anchor: place.anchor } : {};
  }

  changed(done) {
    const objects = this.items.map(({ box, label }) => [...box.map((value) => Number(value.toFixed(3))), 1, label].join(",")).join(";") || ";";
    Object.assign(this.settings, { objects });
    this.build();
    const place = this.toObject();
    if (place.row !== undefined && (place.row !== this.settings.row || place.column !== this.settings.column || place.anchor !== this.settings.anchor)) Object.assign(place, { answer: "" });
    Object.assign(this.settings, place);
    this.screen.show();
    if (done) this.screen.exchange.rest();
  }

  chosen() { this.build(); if (this.screen.editor.selected >= 0) this.screen.change({ ...this.toObject(), answer: "" }); else this.screen.show(); }

  pick(x, y) {
    if (this.screen.editor.selected >= 0) return;
    const { rows, columns } = this.settings, [height, width] = this.screen.editor.size;
    const row = Math.floor(y / height * rows), column = Math.floor(x / width * columns);
    if (row >= 0 && column >= 0 && row < rows && column < columns) this.screen.change({ row, column, answer: "" });
  }

  setLabel(label) { const item = this.screen.editor.shown; if (item) { item.label = label; this.changed(true); } }
  hover() {}
  key() { return false; }
}
