// The weights now and the target's, as two grids of numbers in the signed colours.
import { make } from "../shared/dom.js";
import { SCALES, signedEntry } from "../shared/colours.js";
import { setText } from "../shared/numbers.js";

export class WeightGrid {
  constructor(name, title, point) {
    this.title = make("h3", {}, title);
    this.cells = make("div", { class: "weight-cells" });
    this.element = make("div", { class: "weight-grid", "data-grid": name }, this.title, this.cells);
    this.point = point; this.side = 0;
  }

  open(side, limit, label) {
    this.limit = limit;
    this.cells.setAttribute("role", "img"); this.label = label;
    if (side === this.side) return;
    this.side = side;
    this.cells.style.gridTemplateColumns = `repeat(${side}, minmax(0, 1fr))`;
    this.cells.dataset.side = side;
    this.cells.replaceChildren(...Array.from({ length: side * side }, (_, i) => make("span", { onpointerenter: () => this.point(i), onpointerleave: () => this.point(-1) })));
  }

  show(values) {
    const digits = this.side === 3 ? 3 : 2, texts = [];
    for (let i = 0; i < values.length; i++) {
      const cell = this.cells.children[i], packed = SCALES.signed[signedEntry(values[i], this.limit)];
      const light = 0.3 * (packed & 255) + 0.59 * (packed >> 8 & 255) + 0.11 * (packed >> 16 & 255);
      cell.style.background = `rgb(${packed & 255} ${packed >> 8 & 255} ${packed >> 16 & 255})`;
      cell.style.color = light > 140 ? "#101216" : "#fff";
      const text = Math.abs(values[i]) < 1e5 ? values[i].toFixed(digits).replace("-", "−") : "∞";
      setText(cell, text);
      texts.push(text);
    }
    this.cells.setAttribute("aria-label", `${this.label}: ${texts.join(" ")}`);
  }
}
