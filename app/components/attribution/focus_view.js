// The chosen map large: the photo under it, its legend, what it is, why this layer, and how faithful it is.
import { fill, make } from "../shared/dom.js";
import { Legend } from "../shared/legend.js";
import { plainNumber, shortNumber } from "../shared/numbers.js";
import { Plane } from "../shared/plane.js";
import { Viewport } from "../shared/viewport.js";
import { drawFaithfulness } from "./faithfulness_chart.js";
import { paintEntries } from "./heat.js";

export class FocusView {
  constructor(root, hooks) {
    this.hooks = hooks; this.map = null;
    this.viewport = new Viewport(() => this.draw());
    this.plane = new Plane(this.viewport, { takesWheel: () => false, leave: () => hooks.point(null), hover: (plane, y, x) => hooks.point(y, x), press: () => {} });
    this.title = make("span", { class: "name" }); this.about = make("span", { class: "shape" });
    this.readout = make("div", { class: "readout" }); this.legend = new Legend();
    this.warning = make("p", { class: "warning cs-hidden" }); this.what = make("p", { class: "what" }); this.why = make("p", { class: "why" });
    this.buttons = make("div", { class: "buttons" }); this.progress = make("progress", { class: "progress cs-hidden", max: 1 });
    this.chart = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    this.chart.setAttribute("class", "curve");
    this.areas = make("div", { class: "areas" });
    this.sanity = make("div", { class: "sanity cs-hidden" });
    root.replaceChildren(make("figure", { class: "view" }, make("figcaption", { class: "title" }, this.title, this.about), this.plane.frame, this.progress, this.readout, this.legend.element),
      make("div", { class: "facts" }, this.warning, this.what, this.why, this.sanity, this.areas, this.chart, this.buttons));
    this.observer = new ResizeObserver(() => this.layout());
    this.observer.observe(root);
    this.photo = new Image();
    this.photo.onload = () => this.draw();
  }

  show(state, map) {
    const { words } = state;
    this.state = state; this.map = map;
    if (this.photo.src !== state.photo) this.photo.src = state.photo;
    this.title.textContent = words[map.method];
    this.about.textContent = map.layer ? `${map.layer} · ${map.grid[0]} × ${map.grid[1]}` : "";
    this.warning.textContent = map.warning ? words[`warning_${map.warning}`] : "";
    this.warning.classList.toggle("cs-hidden", !map.warning);
    this.what.textContent = words[`${map.method}_about`];
    this.why.textContent = map.layer ? fill(words[map.layer === state.layers[0].name ? "why_suggested" : "why_other"], { layer: map.layer, rows: map.grid[0], columns: map.grid[1], pixels: plainNumber(map.pixels, 1) })
      : map.entries && map.share < 1 ? fill(words.why_estimate, { done: map.done, total: map.total })
      : map.gap ? fill(words.why_gap, { gap: plainNumber(map.gap, 4) }) : "";
    this.plane.over.setAttribute("aria-label", `${words[map.method]}: ${state.alt}`);
    this.plane.over.setAttribute("role", "img");
    this.viewport.fitTo(0, 0, state.width, state.height);
    this.plane.setContent({ rows: state.height, columns: state.width, affine: { x: 0, y: 0, width: 1, height: 1 },
      paint: (out) => { if (map.entries) paintEntries(map.entries, state.colours(map.signed), out); else out.fill(0); },
      decorate: (pen, plane) => this.underlay(pen, plane) });
    this.legend.show({ kind: map.signed ? "signed" : "magnitude", low: map.signed ? -map.limit / map.unit : 0, high: map.limit / map.unit }, words);
    this.legend.count(map.data ? (map.unit === 1 ? map.data : map.data.map((value) => value / map.unit)) : new Float32Array(0));
    this.showCurve(); this.showSanity(); this.showProgress();
    this.layout();
  }

  underlay(pen, plane) {
    if (!this.photo.complete || !this.photo.naturalWidth) return;
    const shape = plane.boxOf(0, 0, this.state.height, this.state.width);
    pen.save();
    pen.globalCompositeOperation = "destination-over";
    pen.imageSmoothingEnabled = this.state.smoothPhoto;
    pen.drawImage(this.photo, ...shape);
    pen.restore();
  }

  layout() {
    const width = this.plane.frame.clientWidth;
    if (!width || !this.state) return;
    const room = Math.max(window.innerHeight * 0.62, 280);
    this.plane.resize(width, Math.round(Math.min(width * this.state.height / this.state.width, room)));
    this.legend.drawBars();
    this.draw();
  }

  draw() { this.plane.draw(); this.point(this.place || null); }

  point(place) {
    this.place = place;
    if (!this.state) return;
    const { words, width } = this.state, { map } = this;
    this.plane.clearOver();
    if (!place || !map?.data) { this.readout.textContent = map?.data ? words.point_hint : words.not_there; this.legend.mark(null); return; }
    const [y, x] = place, value = map.data[y * width + x] / map.unit;
    const unit = map.layer ? [Math.min(Math.floor(y * map.grid[0] / this.state.height), map.grid[0] - 1), Math.min(Math.floor(x * map.grid[1] / width), map.grid[1] - 1)] : null;
    this.readout.textContent = unit ? fill(words.at_unit, { x, y, value: plainNumber(value, 3), row: unit[0], column: unit[1], raw: shortSigned(map.raw[unit[0] * map.grid[1] + unit[1]]) })
      : fill(words.at_pixel, { x, y, value: shortSigned(value) });
    this.legend.mark(value);
    if (unit) {
      const high = this.state.height / map.grid[0], wide = width / map.grid[1];
      this.plane.outline(unit[0] * high, unit[1] * wide, high, wide, this.accent, { least: 4, weight: 1.5 });
    } else this.plane.outline(y, x, 1, 1, this.accent, { least: 7 });
  }

  get accent() { return getComputedStyle(this.plane.frame).getPropertyValue("--st-primary-color").trim() || "#b8127b"; }

  showCurve() {
    const { state, map } = this, { words } = state, { curve } = map;
    this.areas.replaceChildren();
    this.chart.classList.toggle("cs-hidden", !curve);
    if (curve) {
      this.areas.append(area("deletion", words.deletion, curve.areas[0], words.low_good), area("insertion", words.insertion, curve.areas[1], words.high_good));
      drawFaithfulness(this.chart, curve.points, words);
    }
    const button = (word, action, main, off) => make("button", { class: main ? "cs-button cs-main" : "cs-button", type: "button", "data-act": action, disabled: off, title: words[`${word}_hint`] || null,
      onclick: () => this.hooks.act(action) }, words[word]);
    const unmade = map.slow && map.share < 1;
    this.buttons.replaceChildren(...(state.followed ? [state.stoppable ? button("stop", "stop", false, false) : "", make("span", { class: "status" }, state.status)]
      : [unmade ? button("make", "make", true, false) : button(curve ? "measure_again" : "measure", "measure", !curve, !map.entries), button("measure_all", "measure_all", false, false)]));
    if (state.error) this.buttons.append(make("span", { class: "status bad" }, state.error));
  }

  showProgress() {
    const { followed, words } = this.state;
    this.progress.classList.toggle("cs-hidden", !followed);
    if (!followed) return;
    if (followed.progress) this.progress.value = followed.progress; else this.progress.removeAttribute("value");
    this.progress.setAttribute("aria-label", words.progress);
  }

  showSanity() {
    const { shuffled, words } = this.state;
    this.sanity.classList.toggle("cs-hidden", !shuffled);
    if (!shuffled) return;
    const canvas = make("canvas", { width: this.state.width, height: this.state.height, "aria-hidden": "true" });
    const image = new ImageData(this.state.width, this.state.height);
    paintEntries(shuffled.entries, this.state.colours(shuffled.signed), new Uint32Array(image.data.buffer));
    canvas.getContext("2d").putImageData(image, 0, 0);
    const cell = make("span", { class: "cell" }, canvas);
    cell.style.setProperty("--photo", `url("${this.state.photo}")`);
    cell.style.aspectRatio = `${this.state.width} / ${this.state.height}`;
    this.sanity.replaceChildren(cell, make("p", {}, make("b", {}, fill(words.sanity_likeness, { value: plainNumber(shuffled.likeness, 2) })), " ", words[Math.abs(shuffled.likeness) > 0.5 ? "sanity_alike" : "sanity_differs"]));
  }
}

function area(id, name, value, good) { return make("div", { class: `area ${id}` }, make("span", {}, name), make("b", {}, value.toFixed(3)), make("small", {}, good)); }

function shortSigned(value) { return Math.abs(value) >= 0.001 || value === 0 ? plainNumber(value, 4) : shortNumber(value); }
