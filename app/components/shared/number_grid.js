// A small grid of numbers over tinted cells: one text node a row (cheap at 60 updates a second), tints in a tiny canvas.
import { make } from "./dom.js";

export class NumberGrid {
  constructor(title) {
    this.tints = make("canvas", { "aria-hidden": "true" });
    this.lines = make("div", { class: "lines" });
    this.caption = make("div", { class: "grid-title" }, title || "");
    this.element = make("div", { class: "number-grid" }, this.caption, make("div", { class: "cells" }, this.tints, this.lines));
    this.shown = [];
  }

  // texts: rows × columns strings; width: characters a cell takes; colourAt(i) → [r, g, b, alpha 0..1]
  set(rows, columns, texts, width, colourAt) {
    while (this.lines.childElementCount < rows) this.lines.append(make("div"));
    while (this.lines.childElementCount > rows) { this.lines.lastChild.remove(); this.shown.pop(); }
    for (let row = 0; row < rows; row++) {
      let line = "";
      for (let column = 0; column < columns; column++) line += texts[row * columns + column].padStart(width - 1) + " ";
      if (this.shown[row] !== line) { this.lines.children[row].textContent = line; this.shown[row] = line; }
    }
    if (this.tints.width !== columns || this.tints.height !== rows) {
      this.tints.width = columns; this.tints.height = rows;
      this.image = new ImageData(columns, rows);
    }
    const { data } = this.image;
    for (let i = 0; i < rows * columns; i++) {
      const [r, g, b, alpha] = colourAt(i);
      data[4 * i] = r; data[4 * i + 1] = g; data[4 * i + 2] = b; data[4 * i + 3] = alpha * 255;
    }
    this.tints.getContext("2d").putImageData(this.image, 0, 0);
  }
}

export function signedTint(value, limit) {              // stronger the larger; zero is the paper itself
  const size = Math.min(Math.abs(value) / (limit || 1), 1) * 0.55;
  return value < 0 ? [33, 102, 172, size] : [192, 40, 52, size];
}
