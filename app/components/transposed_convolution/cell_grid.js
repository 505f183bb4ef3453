// A grid of numbers as page elements: tinted, pointed at, with cells that can be marked.
import { make } from "../shared/dom.js";
import { SCALES, signedEntry } from "../shared/colours.js";
import { plainNumber } from "../shared/numbers.js";

export class CellGrid {
  // hooks: hover(index) (−1: nothing), press(index)
  constructor(name, title, hooks = {}) {
    this.title = make("h3", {}, title);
    this.size = make("span", { class: "shape" });
    this.cells = make("div", { class: "cells", role: "img" });
    this.element = make("div", { class: "cell-grid", "data-grid": name }, make("div", { class: "grid-head" }, this.title, this.size), this.cells);
    this.count = 0; this.name = title;
    const at = (event) => (event.target.parentNode === this.cells ? [...this.cells.children].indexOf(event.target) : -1);
    if (hooks.hover) {
      this.cells.addEventListener("pointerover", (event) => hooks.hover(at(event)));
      this.cells.addEventListener("pointerleave", () => hooks.hover(-1));
      this.cells.addEventListener("click", (event) => { const index = at(event); if (index >= 0) hooks.press?.(index); });
    }
  }

  // values: rows·columns numbers or null (no number there); kind: "gray" or "signed"
  show(rows, columns, values, { kind = "signed", limit = null, cell = 34, text = (value) => plainNumber(value, 3) } = {}) {
    if (this.count !== rows * columns) {
      this.count = rows * columns;
      this.cells.replaceChildren(...Array.from({ length: this.count }, () => make("i")));
    }
    this.size.textContent = `${rows} × ${columns}`;
    this.cells.style.gridTemplateColumns = `repeat(${columns}, ${cell}px)`;
    this.cells.style.setProperty("--cell", `${cell}px`);
    const most = limit || Math.max(1e-9, ...values.map((value) => Math.abs(value ?? 0)));
    const lut = kind === "gray" ? SCALES.gray : SCALES.signed, texts = values.map((value) => (value === null ? "" : text(value)));
    const longest = Math.max(1, ...texts.map((one) => one.length)), size = Math.min(15, cell * 0.5, (cell - 2) / longest / 0.6);
    this.cells.style.fontSize = `${size}px`;
    values.forEach((value, i) => {
      const element = this.cells.children[i];
      element.className = value === null ? "none" : "";
      element.textContent = size >= 6 ? texts[i] : "";
      if (value === null) { element.style.background = ""; element.style.color = ""; return; }
      const packed = lut[kind === "gray" ? Math.max(0, Math.min(255, Math.round(value / most * 255))) : signedEntry(value, most * 1.25)];
      const light = 0.3 * (packed & 255) + 0.59 * (packed >> 8 & 255) + 0.11 * (packed >> 16 & 255);
      element.style.background = `rgb(${packed & 255} ${packed >> 8 & 255} ${packed >> 16 & 255})`;
      element.style.color = light > 140 ? "#101216" : "#fff";
    });
    this.cells.setAttribute("aria-label", `${this.name}, ${rows} × ${columns}: ${texts.slice(0, 64).map((one) => one || "·").join(" ")}`);
  }

  mark(names) {                                           // names(index) → class names, or ""
    for (let i = 0; i < this.count; i++) {
      const element = this.cells.children[i], wanted = names(i), none = element.classList.contains("none") ? "none" : "";
      const next = [none, wanted].filter(Boolean).join(" ");
      if (element.className !== next) element.className = next;
    }
  }
}
