// Picture, wanted map, the map of the weights now, and their difference: aligned, magnified together, one colour scale.
import { make } from "../shared/dom.js";
import { SCALES, gradientCss, paintMap } from "../shared/colours.js";
import { plainNumber, setText, shortNumber } from "../shared/numbers.js";
import { Plane } from "../shared/plane.js";
import { Viewport } from "../shared/viewport.js";
import { mapOf } from "./learning.js";

const PANELS = ["picture", "wanted", "now", "difference"];

export class Maps {
  constructor(root, words) {
    this.words = words; this.hovered = null;
    this.viewport = new Viewport(() => this.redraw());
    this.panels = Object.fromEntries(PANELS.map((name) => [name, this.panel(name)]));
    this.ends = [make("span"), make("span", {}, "0"), make("span")];
    const bar = make("div", { class: "colour-bar", role: "img", "aria-label": words.legend_alt });
    bar.style.background = gradientCss(SCALES.signed, 1);
    root.replaceChildren(make("div", { class: "maps" }, PANELS.map((name) => this.panels[name].element)),
      make("div", { class: "signed-legend" }, bar, make("div", { class: "ends" }, this.ends)));
    this.root = root;
    this.observer = new ResizeObserver(() => this.layout());
    this.observer.observe(root);
  }

  panel(name) {
    const plane = new Plane(this.viewport, { takesWheel: () => false, hover: (from, row, column) => this.hover(name, row, column), leave: () => { this.hovered = null; this.point(); }, press: () => {} });
    const value = make("output", { class: "value" });
    const element = make("figure", { class: "view", "data-view": name }, make("figcaption", { class: "title" }, make("span", { class: "name" }, this.words[`view_${name}`]), value), plane.frame);
    plane.over.setAttribute("role", "img"); plane.over.setAttribute("aria-label", this.words[`view_${name}`]);
    return { plane, value, element };
  }

  // problem: pixels {data, shape}, goal {data, shape}, noise, target
  open(problem, alt) {
    const [rows, columns] = problem.pixels.shape, [height, width] = problem.goal.shape, side = rows - height + 1;
    Object.assign(this, { problem, rows, columns, height, width, side });
    this.out = new Float64Array(height * width); this.wanted = new Float64Array(height * width); this.rest = new Float64Array(height * width);
    const sorted = Float32Array.from(problem.goal.data, Math.abs).sort();
    this.limit = sorted[Math.max(0, Math.floor(sorted.length * 0.995) - 1)] || 1;
    this.ends[0].textContent = plainNumber(-this.limit, 2); this.ends[2].textContent = plainNumber(this.limit, 2);
    const gray = { rows, columns, affine: { x: 0, y: 0, width: 1, height: 1 }, numbersAt: null, paint: (out) => paintGray(problem.pixels.data, out) };
    const { picture } = this.panels;
    picture.plane.over.setAttribute("aria-label", alt);
    this.viewport.fitTo(0, 0, columns, rows);
    picture.plane.setContent(gray);
    const affine = { x: (side - 1) / 2, y: (side - 1) / 2, width: 1, height: 1 };
    for (const [name, data] of [["wanted", this.wanted], ["now", this.out], ["difference", this.rest]]) {
      Object.assign(this.panels[name], { data });
      Object.assign(this.panels[name].plane, { affine, contents: { rows: height, columns: width, affine, numbersAt: (r, c) => [shortNumber(data[r * width + c])], paint: (out) => paintMap(data, out, { kind: "signed", limit: this.limit }) } });
    }
    this.noise = null;
    this.layout();
  }

  show(weight, noise) {                                   // noise in parts of the wanted map's spread
    const { problem, wanted, out, rest } = this;
    if (noise !== this.noise) {
      this.noise = noise;
      for (let i = 0; i < wanted.length; i++) wanted[i] = problem.goal.data[i] + noise * problem.noise.data[i];
      this.panels.wanted.plane.setContent(this.panels.wanted.plane.contents);
      this.panels.wanted.plane.draw();
    }
    mapOf(problem.pixels.data, this.rows, this.columns, weight, this.side, out);
    for (let i = 0; i < out.length; i++) rest[i] = out[i] - wanted[i];
    for (const name of ["now", "difference"]) { const { plane } = this.panels[name]; plane.setContent(plane.contents); plane.draw(); }
    this.point();
  }

  hover(name, row, column) {
    const shift = name === "picture" ? (this.side - 1) / 2 : 0;
    const at = [Math.round(row - shift), Math.round(column - shift)];
    this.hovered = [Math.min(Math.max(at[0], 0), this.height - 1), Math.min(Math.max(at[1], 0), this.width - 1)];
    this.point();
  }

  point() {                                               // the patch on the picture, the element on the maps, their values
    const accent = getComputedStyle(this.root).getPropertyValue("--st-primary-color").trim() || "#b8127b";
    for (const name of PANELS) {
      const { plane, value, data } = this.panels[name];
      if (!plane.source) continue;
      plane.clearOver();
      if (!this.hovered) { setText(value, ""); continue; }
      const [row, column] = this.hovered;
      if (name === "picture") { plane.outline(row, column, this.side, this.side, accent); setText(value, `(${row}, ${column})`); continue; }
      plane.outline(row, column, 1, 1, accent);
      setText(value, plainNumber(data[row * this.width + column], 3));
    }
  }

  layout() {
    if (!this.problem) return;
    const width = this.panels.picture.plane.frame.clientWidth;
    if (!width) return;
    const height = Math.round(Math.min(width * this.rows / this.columns, Math.max(window.innerHeight * 0.42, 220)));
    for (const name of PANELS) this.panels[name].plane.resize(width, height);
    this.redraw();
  }

  redraw() { for (const name of PANELS) this.panels[name].plane.draw(); this.point(); }

  close() { this.observer.disconnect(); }
}

function paintGray(data, out) {
  let low = Infinity, high = -Infinity;
  for (const value of data) { if (value < low) low = value; if (value > high) high = value; }
  const factor = 255 / (high - low || 1);
  for (let i = 0; i < out.length; i++) out[i] = SCALES.gray[(data[i] - low) * factor + 0.5 | 0];
}
