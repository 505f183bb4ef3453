// A photo made small and large again: nearest, bilinear, bicubic, and a transposed convolution that learns it.
import { fill, make } from "../shared/dom.js";
import { SCALES, paintMap } from "../shared/colours.js";
import { readableCount } from "../shared/numbers.js";
import { Plane } from "../shared/plane.js";
import { StepPlayer } from "../shared/step_player.js";
import { Viewport } from "../shared/viewport.js";
import { enlargedOf } from "./arithmetic.js";

const SHOWN = ["goal", "small", "learned", "nearest", "bilinear", "bicubic"], OPENING_ZOOM = 2;

export class PhotoView {
  constructor(root, words, change) {
    this.root = root; this.words = words; this.frames = 0;
    this.viewport = new Viewport(() => this.redraw());
    this.panels = Object.fromEntries(SHOWN.map((name) => [name, this.panel(name)]));
    this.player = new StepPlayer(words, (learned) => change({ learned }), (at) => fill(words.learned_step, { n: at }), () => 30);
    const zoom = (text, label, act) => make("button", { class: "cs-button", title: label, "aria-label": label, onclick: act }, text);
    this.kernel = new Plane(new Viewport(() => {}), { takesWheel: () => false, hover: () => {}, leave: () => {}, press: () => {} });
    this.curve = make("canvas", { class: "error-curve", role: "img" });
    root.replaceChildren(make("div", { class: "photos" }, SHOWN.map((name) => this.panels[name].element)),
      make("div", { class: "line" }, this.player.element, make("span", { class: "zooms" }, zoom("−", words.zoom_out, () => this.viewport.zoomBy(1 / 1.5)), zoom("+", words.zoom_in, () => this.viewport.zoomBy(1.5)), zoom(words.zoom_whole, words.zoom_whole, () => { this.viewport.reset(); this.redraw(); }))),
      make("div", { class: "learned-row" }, make("div", {}, make("h3", {}, words.learned_filter), this.kernel.frame), make("div", {}, make("h3", {}, words.error_curve), this.curve)), make("p", { class: "quiet" }, words.photo_note));
    this.kernel.over.setAttribute("role", "img"); this.kernel.over.setAttribute("aria-label", words.learned_filter);
    this.observer = new ResizeObserver(() => this.layout());
    this.observer.observe(root);
  }

  panel(name) {
    const plane = new Plane(this.viewport, { takesWheel: () => false, hover: (from, row, column) => this.point(name, row, column), leave: () => this.point(null), press: () => {} });
    const off = make("output", { class: "off" });
    plane.over.setAttribute("role", "img"); plane.over.setAttribute("aria-label", this.words[`photo_${name}`]);
    return { plane, off, element: make("figure", { class: "view", "data-view": name }, make("figcaption", { class: "title" }, make("span", { class: "name" }, this.words[`photo_${name}`]), off), plane.frame) };
  }

  open(photo) {                                           // goal, nearest, bilinear, bicubic: uint8; small, weights: float32
    const fresh = !this.photo || String(this.photo.goal.shape) !== String(photo.goal.shape);
    this.photo = photo;
    const [channels, rows, columns] = photo.goal.shape, { factor } = photo, unit = { x: 0, y: 0, width: 1, height: 1 };
    for (const name of ["goal", "nearest", "bilinear", "bicubic"]) this.panels[name].plane.setContent({ rows, columns, affine: unit, numbersAt: null, paint: (out) => paintColour(photo[name].data, 1, channels, out) });
    this.panels.small.plane.setContent({ rows: photo.small.shape[1], columns: photo.small.shape[2], numbersAt: null, affine: { x: 0, y: 0, width: factor, height: factor }, paint: (out) => paintColour(photo.small.data, 255, channels, out) });
    this.panels.learned.plane.setContent({ rows, columns, affine: unit, numbersAt: null, paint: (out) => { if (this.large) paintColour(this.large, 255, channels, out); } });
    for (const way of ["nearest", "bilinear", "bicubic"]) this.panels[way].off.textContent = this.levels(photo.fixed[way]);
    this.panels.small.off.textContent = `${photo.small.shape[2]} × ${photo.small.shape[1]}`;
    this.panels.goal.off.textContent = `${columns} × ${rows}`;
    if (fresh) { this.viewport.fitTo(0, 0, columns, rows); this.viewport.reset(); this.viewport.zoomBy(OPENING_ZOOM); }
    this.side = 4 * factor;
    this.kernel.viewport.fitTo(0, 0, this.side, this.side);
    this.layout();
  }

  levels(error) { return fill(this.words.off_by, { n: (Math.sqrt(error) * 255).toFixed(2) }); }

  show(step) {
    if (!this.photo) return;
    const { photo, side } = this, count = side * side, at = Math.min(step, photo.errors.length - 1), weight = photo.weights.data.subarray(at * count, (at + 1) * count);
    this.at = at; this.frames += 1;
    this.large = enlargedOf(photo.small, weight, photo.factor, photo.cut);
    const { plane, off } = this.panels.learned;
    plane.setContent({ paint: plane.paint }); plane.draw();
    off.textContent = this.levels(photo.errors[at]);
    let limit = 0;
    for (const one of weight) limit = Math.max(limit, Math.abs(one));
    this.kernel.setContent({ rows: side, columns: side, affine: { x: 0, y: 0, width: 1, height: 1 }, paint: (out) => paintMap(weight, out, { kind: "signed", limit }) });
    this.kernel.draw();
    const best = Math.min(...Object.values(photo.fixed));
    for (const name of SHOWN.slice(2)) this.panels[name].element.classList.toggle("best", (name === "learned" ? photo.errors[at] : photo.fixed[name]) <= Math.min(best, photo.errors[at]));
    this.player.set(at, photo.errors.length);
    this.drawCurve();
  }

  drawCurve() {
    const { photo, at } = this, width = this.curve.clientWidth, height = this.curve.clientHeight, ratio = window.devicePixelRatio || 1;
    if (!photo || !width || at === undefined) return;
    this.curve.width = width * ratio; this.curve.height = height * ratio;
    const pen = this.curve.getContext("2d"), style = getComputedStyle(this.curve), quiet = `color-mix(in srgb, ${style.color} 66%, transparent)`, accent = style.getPropertyValue("--st-primary-color").trim() || "#b8127b";
    const level = (error) => Math.log10(Math.max(Math.sqrt(error) * 255, 1e-3)), all = [...photo.errors, ...Object.values(photo.fixed)].map(level), low = Math.min(...all) - 0.05, high = Math.max(...all) + 0.05;
    const x = (step) => 34 + step / (photo.errors.length - 1) * (width - 110), y = (error) => 8 + (high - level(error)) / (high - low) * (height - 30);
    pen.scale(ratio, ratio); pen.font = `12px ${style.getPropertyValue("--st-font") || "sans-serif"}`; pen.textBaseline = "middle"; pen.lineWidth = 1;
    for (const tick of [1, 2, 5, 10, 20, 50, 100, 200].filter((one) => Math.log10(one) > low && Math.log10(one) < high)) {
      const at = y((tick / 255) ** 2);
      pen.strokeStyle = `color-mix(in srgb, ${style.color} 13%, transparent)`; pen.beginPath(); pen.moveTo(34, at); pen.lineTo(width - 76, at); pen.stroke();
      pen.fillStyle = quiet; pen.textAlign = "right"; pen.fillText(String(tick), 28, at);
    }
    let lowest = -Infinity;
    pen.textAlign = "left";
    for (const [way, error] of Object.entries(photo.fixed).sort((a, b) => b[1] - a[1])) {
      pen.strokeStyle = quiet; pen.setLineDash([5, 4]); pen.beginPath(); pen.moveTo(34, y(error)); pen.lineTo(width - 76, y(error)); pen.stroke(); pen.setLineDash([]);
      lowest = Math.max(y(error), lowest + 13); pen.fillStyle = quiet; pen.fillText(this.words[`photo_${way}`], width - 71, lowest);
    }
    pen.strokeStyle = accent; pen.lineWidth = 2; pen.beginPath();
    photo.errors.forEach((error, step) => { if (step) pen.lineTo(x(step), y(error)); else pen.moveTo(x(step), y(error)); });
    pen.stroke();
    pen.fillStyle = accent; pen.beginPath(); pen.arc(x(at), y(photo.errors[at]), 4, 0, 7); pen.fill();
    pen.fillStyle = quiet; pen.textAlign = "center"; for (const part of [0, 0.5, 1]) pen.fillText(readableCount(Math.round(part * (photo.errors.length - 1))), x(part * (photo.errors.length - 1)), height - 8);
    this.curve.setAttribute("aria-label", `${this.words.error_curve}: ${this.levels(photo.errors[at])}`);
  }

  point(name, row, column) {                              // the same spot on every panel
    const accent = getComputedStyle(this.root).getPropertyValue("--st-primary-color").trim() || "#b8127b";
    for (const [other, { plane }] of Object.entries(this.panels)) {
      plane.clearOver();
      if (!name || !this.photo) continue;
      const { factor } = this.photo, small = name === "small", r = small ? row * factor : row, c = small ? column * factor : column;
      if (other === "small") plane.outline(Math.floor(r / factor), Math.floor(c / factor), 1, 1, accent, { least: 7 });
      else plane.outline(small ? r : r, c, small ? factor : 1, small ? factor : 1, accent, { least: 7 });
    }
  }

  layout() {
    if (!this.photo) return;
    const width = this.panels.goal.plane.frame.clientWidth, [, rows, columns] = this.photo.goal.shape;
    if (!width) return;
    const height = Math.round(Math.min(width * rows / columns, Math.max(window.innerHeight * 0.34, 190)));
    for (const name of SHOWN) this.panels[name].plane.resize(width, height);
    this.kernel.resize(this.kernel.frame.clientWidth, this.kernel.frame.clientWidth);
    this.redraw(); this.kernel.draw(); this.drawCurve();
  }

  redraw() { for (const name of SHOWN) this.panels[name].plane.draw(); this.point(null); }

  close() { this.player.stop(); this.observer.disconnect(); }
}

function paintColour(data, scale, channels, out) {
  const count = out.length, g = channels === 3 ? count : 0, b = 2 * g;
  const byte = (value) => Math.max(0, Math.min(255, Math.round(value * scale)));
  for (let i = 0; i < count; i++) out[i] = channels === 3 ? (255 << 24 | byte(data[i + b]) << 16 | byte(data[i + g]) << 8 | byte(data[i])) >>> 0 : SCALES.gray[byte(data[i])];
}
