// The result in full size with the mask painted on it, and beside it the result with each skip off, each with its scores.
import { make, fill } from "../shared/dom.js";
import { plainNumber } from "../shared/numbers.js";
import { Plane } from "../shared/plane.js";
import { Viewport } from "../shared/viewport.js";
import { NO_CLASS, maskOfPixels, maskScores, paintLine } from "./mask.js";
import { paintOverlay } from "../shared/class_overlay.js";
import { ScoreTable } from "./score_table.js";

const UNDO = 12, percent = (part, digits = 1) => `${(100 * part).toFixed(digits)} %`;

export class ResultView {
  constructor(root, words, change) {
    this.words = words; this.change = change; this.brush = -1; this.radius = 4; this.view = "result"; this.undone = [];
    this.viewport = new Viewport(() => this.plane.draw());
    this.plane = new Plane(this.viewport, { takesWheel: () => false, hover: (plane, row, column) => this.hover(row, column), leave: () => this.leave(), press: (plane, row, column) => this.press(row, column) });
    this.readout = make("span", { class: "readout" });
    this.views = make("div", { class: "choices", role: "group", "aria-label": words.view });
    for (const id of ["result", "mask", "errors"]) this.views.append(make("button", { class: "cs-button", type: "button", "data-view": id, onclick: () => this.see(id) }, words[`view_${id}`]));
    this.cards = make("div", { class: "cards" });
    this.table = new ScoreTable(words);
    root.replaceChildren(
      make("figure", { class: "whole" }, make("figcaption", {}, make("span", { class: "name" }, words.result_title), this.views, this.readout), this.plane.frame),
      make("div", { class: "beside" }, make("h3", {}, words.skips_title), make("p", { class: "quiet" }, words.skips_hint), this.cards, this.table.element));
    this.plane.frame.classList.add("result-frame");
    this.plane.over.setAttribute("role", "img");
    Object.assign(this.plane.frame, { tabIndex: 0, title: words.result_keys });
    this.plane.frame.addEventListener("keydown", (event) => this.key(event));
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(root);
  }

  show({ picture, settings, network, u, results }) {
    const grid = u.arrays.labels.shape.join(), source = `${picture.id}:${settings.net}:${grid}`;
    Object.assign(this, { picture, settings, network, u, results, truth: u.arrays.truth });
    if (source !== this.source) {
      this.source = source; this.undone = [];
      this.mask = new Uint8Array(u.arrays.labels.data.length).fill(NO_CLASS); this.marked = 0;
      if (this.view !== "result") this.view = "result";
    }
    this.plane.over.setAttribute("aria-label", this.sentence());
    this.paint();
    this.showCards();
    this.showScores();
    this.onMask?.(this);
  }

  sentence() {
    const { labels } = this.u.arrays, counts = new Float64Array(this.network.classes.length);
    for (const label of labels.data) counts[label] += 1;
    const order = [...counts.keys()].filter((i) => counts[i]).sort((a, b) => counts[b] - counts[a]).slice(0, 4);
    return order.map((i) => `${this.network.classes[i]} ${percent(counts[i] / labels.data.length)}`).join(", ");
  }

  paint() {
    const { picture, u, network, settings, view } = this, [, height, width] = picture.shape, { labels } = u.arrays;
    const mask = { data: this.mask, shape: labels.shape };
    this.viewport.fitTo(0, 0, width, height);
    this.plane.setContent({ rows: height, columns: width, affine: { x: 0, y: 0, width: 1, height: 1 }, paint: (out) => {
      if (view === "result") paintOverlay(picture.image, labels, network.colours, settings.opacity / 100, out);
      else if (view === "mask") paintOverlay(picture.image, mask, network.colours, Math.max(settings.opacity / 100, 0.3), out);
      else paintOverlay(picture.image, this.errors(labels), [[60, 150, 90], [214, 40, 60]], Math.max(settings.opacity / 100, 0.4), out);
    } });
    for (const button of this.views.children) {
      button.setAttribute("aria-pressed", String(button.dataset.view === view));
      button.disabled = button.dataset.view !== "result" && !this.marked && this.brush < 0;
    }
    this.plane.frame.classList.toggle("painting", this.brush >= 0);
    this.draw();
  }

  errors(labels) {                                        // 0 right, 1 wrong, 255 where the mask says nothing
    const data = new Uint8Array(labels.data.length);
    for (let i = 0; i < data.length; i++) data[i] = this.mask[i] === NO_CLASS ? NO_CLASS : Number(this.mask[i] !== labels.data[i]);
    return { data, shape: labels.shape };
  }

  see(view) { this.view = view; this.paint(); }

  cell(row, column) {                                     // the place of the result's grid under a pixel of the picture
    const [, height, width] = this.picture.shape, [rows, columns] = this.u.arrays.labels.shape;
    return [Math.floor(row * rows / height), Math.floor(column * columns / width)];
  }

  hover(row, column) {
    const { words, network, u } = this, [r, c] = this.cell(row, column), place = r * u.arrays.labels.shape[1] + c;
    this.at = [row, column];
    if (this.brush >= 0 && this.plane.pointers.size === 1) { this.stroke(r, c); return; }
    const found = network.classes[u.arrays.labels.data[place]], truth = this.mask[place];
    this.readout.textContent = fill(truth === NO_CLASS ? words.pixel_is : words.pixel_is_and, { x: column, y: row, found, truth: truth === NO_CLASS ? "" : network.classes[truth] });
    this.plane.clearOver();
    if (this.brush >= 0) {
      const [, height] = this.picture.shape, size = Math.max((2 * this.radius + 1) * height / u.arrays.labels.shape[0], 2);
      this.plane.outline(row - size / 2, column - size / 2, size, size, "#b8127b", { least: 4 });
    }
  }

  leave() { this.readout.textContent = ""; this.plane.clearOver(); this.lastCell = null; }

  press(row, column) {
    if (this.brush < 0) return;
    const [r, c] = this.cell(row, column);
    this.stroke(r, c);
    this.endStroke();
  }

  key(event) {                                            // arrows move, Space paints
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key], [, height, width] = this.picture.shape;
    if (!step && event.key !== " ") return;
    event.preventDefault();
    const [row, column] = this.at || [height >> 1, width >> 1], far = event.shiftKey ? 20 : 5;
    if (!step) { this.press(row, column); return; }
    this.hover(Math.min(Math.max(row + far * step[0], 0), height - 1), Math.min(Math.max(column + far * step[1], 0), width - 1));
  }

  stroke(r, c) {
    const [rows, columns] = this.u.arrays.labels.shape, value = this.brush === this.network.classes.length ? NO_CLASS : this.brush;
    if (!this.stroking) { this.stroking = true; this.remember(); window.addEventListener("pointerup", () => this.endStroke(), { once: true }); }
    if (paintLine(this.mask, rows, columns, this.lastCell || [r, c], [r, c], this.radius, value)) this.maskChanged(true);
    this.lastCell = [r, c];
  }

  endStroke() { this.stroking = false; this.lastCell = null; this.maskChanged(false); }

  remember() { this.undone.push(this.mask.slice()); if (this.undone.length > UNDO) this.undone.shift(); }

  setMask(mask) { this.remember(); this.mask = mask; if (this.view === "result") this.view = "errors"; this.maskChanged(false); }

  undo() { const before = this.undone.pop(); if (before) { this.mask = before; this.maskChanged(false); } }

  setBrush(brush) { this.brush = brush; if (brush >= 0 && this.view !== "errors") this.view = "mask"; this.paint(); }

  maskChanged(moving) {
    this.marked = 0;
    for (const value of this.mask) if (value !== NO_CLASS) this.marked += 1;
    if (!this.marked && this.brush < 0) this.view = "result";
    this.paint();
    if (!moving) { this.showCards(); this.onMask?.(this); }
    this.showScores();
  }

  async upload(file) {                                    // a mask file, read in the browser: it goes nowhere
    if (file.size > 20_000_000) return "mask_error_file";
    let picture;
    try { picture = await createImageBitmap(file); } catch { return "mask_error_file"; }
    if (picture.width * picture.height > 50_000_000) return "mask_error_file";
    const paper = new OffscreenCanvas(picture.width, picture.height).getContext("2d");
    paper.drawImage(picture, 0, 0);
    const [rows, columns] = this.u.arrays.labels.shape, { data } = paper.getImageData(0, 0, picture.width, picture.height);
    const found = maskOfPixels(data, picture.width, picture.height, rows, columns, this.network.colours);
    if (found.error) return `mask_error_${found.error}`;
    this.setMask(found.mask);
    return "";
  }

  showCards() {
    const { results, network, words, settings } = this, [rows, columns] = this.u.arrays.labels.shape;
    if (!results) { this.cards.replaceChildren(...settings.skips.padEnd(settings.skips.length + 2, "0").split("").map(() => make("div", { class: "card waiting" }))); return; }
    this.scores = results.skips.map((_, i) => (this.marked ? maskScores(labelsOf(results, i), this.mask, network.classes.length) : null));
    this.cards.replaceChildren(...results.skips.map((skips, i) => {
      const canvas = make("canvas", { "aria-hidden": "true" }), off = [...skips].filter((sign) => sign === "0").length;
      const name = off === 0 ? words.card_all : off === skips.length ? words.card_none : fill(words.card_off, { n: skips.indexOf("0") + 1 });
      drawLabels(canvas, labelsOf(results, i), rows, columns, network.colours);
      const facts = [make("span", {}, words.changed, " ", make("b", {}, percent(results.changed[i])))];
      if (this.scores[i]) facts.push(make("span", {}, "mIoU ", make("b", { class: "miou" }, plainNumber(this.scores[i].meanIou, 3))), make("span", {}, "Dice ", make("b", {}, plainNumber(this.scores[i].meanDice, 3))));
      return make("button", { class: "card", type: "button", "data-skips": skips, "aria-pressed": String(skips === settings.skips), onclick: () => this.change({ skips }) },
        make("span", { class: "card-name" }, name), canvas, make("span", { class: "card-facts" }, ...facts));
    }));
  }

  showScores() {
    this.table.show(this.marked ? maskScores(this.u.arrays.labels.data, this.mask, this.network.classes.length) : null, this.network, this.mask.length);
  }

  draw() {
    const room = this.plane.frame.parentElement.clientWidth;
    if (!this.picture || !room) return;
    const [, height, columns] = this.picture.shape, wide = Math.round(Math.min(room, Math.max(window.innerHeight * 0.66, 280) * columns / height));
    this.plane.frame.style.width = `${wide}px`;
    this.plane.resize(wide, Math.max(Math.round(wide * height / columns), 40));
    this.plane.draw();
  }

  maskFile() {                                            // PNG in the classes' colours; what does not count is transparent
    const [rows, columns] = this.u.arrays.labels.shape, canvas = new OffscreenCanvas(columns, rows), image = new ImageData(columns, rows);
    for (let i = 0; i < this.mask.length; i++) {
      const colour = this.network.colours[this.mask[i]];
      if (colour) image.data.set([...colour, 255], 4 * i);
    }
    canvas.getContext("2d").putImageData(image, 0, 0);
    return canvas.convertToBlob({ type: "image/png" });
  }

  close() { this.observer.disconnect(); }
}

function labelsOf(results, i) {
  const size = results.labels.shape[1] * results.labels.shape[2];
  return results.labels.data.subarray(i * size, (i + 1) * size);
}

function drawLabels(canvas, labels, rows, columns, colours) {
  canvas.width = columns; canvas.height = rows;
  const image = new ImageData(columns, rows), out = new Uint32Array(image.data.buffer);
  for (let i = 0; i < out.length; i++) { const [r, g, b] = colours[labels[i]]; out[i] = (255 << 24 | b << 16 | g << 8 | r) >>> 0; }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

