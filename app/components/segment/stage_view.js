// The picture with its classes; beside it, in the view "objects", what tells objects of one class apart.
import { make, fill } from "../shared/dom.js";
import { paintOverlay } from "../shared/class_overlay.js";
import { paintMap } from "../shared/colours.js";
import { Legend } from "../shared/legend.js";
import { Plane } from "../shared/plane.js";
import { Viewport } from "../shared/viewport.js";
import { objectColour } from "./label_runs.js";

const STAGE_VIEWS = ["overlay", "contours", "map", "objects"];

export class StageView {
  // hooks: change(values), hover(row, column), leave(), pin(row, column)
  constructor(root, words, hooks) {
    Object.assign(this, { root, words, hooks });
    this.viewport = new Viewport(() => { this.main.draw(); this.side.draw(); this.mark(); });
    const plane = (over) => new Plane(this.viewport, { takesWheel: () => this.viewport.zoom > 1, hover: (_, row, column) => this.point(row, column), leave: () => this.leave(), press: (_, row, column) => this.press(row, column, over) });
    this.main = plane("main"); this.side = plane("side");
    this.name = make("span", { class: "name" }); this.sideName = make("span", { class: "name" });
    this.readout = make("span", { class: "readout" }); this.sideReadout = make("span", { class: "readout" });
    this.note = make("p", { class: "quiet" });
    this.legend = new Legend();
    this.buttons = make("div", { class: "choices", role: "group", "aria-label": words.view });
    for (const id of STAGE_VIEWS) this.buttons.append(make("button", { class: "cs-button", type: "button", "data-view": id, onclick: () => hooks.change({ view: id }) }, words[`view_${id}`]));
    this.mainFigure = make("figure", { class: "view main" }, make("figcaption", {}, this.name, this.readout), this.main.frame, this.legend.element);
    this.sideFigure = make("figure", { class: "view side" }, make("figcaption", {}, this.sideName, this.sideReadout), this.side.frame, this.note);
    this.zoomOut = make("button", { class: "cs-button", type: "button", onclick: () => { this.viewport.reset(); this.viewport.onChange(); this.showZoom(); } }, words.zoom_out);
    root.replaceChildren(make("div", { class: "bar" }, this.buttons, make("button", { class: "cs-button", type: "button", onclick: () => { this.viewport.zoomBy(2); this.showZoom(); } }, words.zoom_in), this.zoomOut),
      make("div", { class: "pair" }, this.mainFigure, this.sideFigure));
    for (const one of [this.main, this.side]) one.over.setAttribute("role", "img");
    this.main.frame.tabIndex = 0;
    this.main.frame.addEventListener("keydown", (event) => this.key(event));
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(root);
    this.showZoom();
  }

  // frame: {image, labels, map, objects, alt} or null while there is none
  show(frame, settings, network, hidden, pinned) {
    Object.assign(this, { settings, network, hidden, pinned });
    const waited = !frame || frame.labels !== this.frame?.labels;
    this.frame = frame;
    this.root.classList.toggle("empty", !frame);
    for (const button of this.buttons.children) {
      button.setAttribute("aria-pressed", String(button.dataset.view === settings.view));
      button.disabled = settings.source !== "picture" && ["map", "objects"].includes(button.dataset.view);
    }
    if (!frame) this.sideFigure.classList.add("cs-hidden");
    if (!frame) { this.name.textContent = this.words[`waiting_${settings.source}`] || ""; return; }
    if (waited) this.labelAt = null;
    this.paint();
    this.draw();
  }

  get view() {                                            // what can be drawn of the frame that is there
    const { settings, frame } = this;
    if (settings.view === "map") return frame.map ? "map" : "overlay";
    if (settings.view === "objects") return frame.objects ? "objects" : "overlay";
    return settings.view;
  }

  paint() {
    const { frame, settings, network, words, view } = this, [, height, width] = frame.image.shape, affine = { x: 0, y: 0, width: 1, height: 1 };
    this.viewport.fitTo(0, 0, width, height);
    const opacity = settings.opacity / 100, { colours } = network;
    this.main.setContent({ rows: height, columns: width, affine, paint: (out) => {
      if (view === "map") paintMap(frame.map.values.data, out, { kind: "magnitude", limit: 1 }, false);
      else paintOverlay(frame.image, frame.labels, colours, opacity, out, { contours: view === "contours", hidden: this.hidden });
    } });
    this.main.over.setAttribute("aria-label", frame.alt);
    this.name.textContent = view === "map" ? fill(words.map_of, { name: network.classes[frame.map.label] }) : words[view === "objects" ? "semantic" : `name_${view}`];
    this.legend.element.classList.toggle("cs-hidden", view !== "map");
    if (view === "map") { this.legend.show({ kind: "magnitude", low: 0, high: 1 }, words); this.legend.count(frame.map.values.data); }
    const pair = view === "objects";
    this.root.parentElement.classList.toggle("narrow", !pair && width < 1.2 * height);   // the maps stand beside a picture that is not wide
    this.root.classList.toggle("two", pair);
    this.sideFigure.classList.toggle("cs-hidden", !pair);
    if (pair) this.paintObjects(height, width, affine, opacity);
  }

  paintObjects(height, width, affine, opacity) {
    const { frame, words } = this, { objects } = frame, names = objects[words.language], { data } = objects.labels;
    const colours = names.map((_, i) => objectColour(i + 1, names.length));
    this.side.setContent({ rows: height, columns: width, affine, paint: (out) => {
      const { image } = frame, count = height * width, g = image.shape[0] === 3 ? count : 0, b = 2 * g, part = Math.round(opacity * 256);
      for (let i = 0; i < count; i++) {
        const colour = data[i] ? colours[data[i] - 1] : null, share = colour ? part : 0, rest = 256 - share;
        const mix = (place, k) => (image.data[i + place] * rest + (colour ? colour[k] : 0) * share) >> 8;
        out[i] = (255 << 24 | mix(b, 2) << 16 | mix(g, 1) << 8 | mix(0, 0)) >>> 0;
      }
    } });
    this.side.over.setAttribute("aria-label", fill(words[`count_${objects.kind}`], { n: names.length }));
    this.sideName.textContent = fill(words[`count_${objects.kind}`], { n: names.length });
    this.note.textContent = objects.missing ? fill(words.instances_missing, objects.missing) : words.instances_there;
  }

  cell(row, column) {
    const { labels, image } = this.frame, [rows, columns] = labels.shape, [, height, width] = image.shape;
    return Math.floor(row * rows / height) * columns + Math.floor(column * columns / width);
  }

  point(row, column) {
    if (!this.frame) return;
    const { words, network, frame } = this, label = frame.labels.data[this.cell(row, column)];
    this.at = [row, column];
    let text = fill(words.pixel_is, { x: column, y: row, found: network.classes[label] });
    if (this.view === "map") text += ` · ${frame.map.values.data[row * frame.image.shape[2] + column].toFixed(4)}`;
    this.readout.textContent = text;
    if (this.view === "map") this.legend.mark(frame.map.values.data[row * frame.image.shape[2] + column]);
    if (this.view === "objects") {
      const number = frame.objects.labels.data[row * frame.image.shape[2] + column];
      this.sideReadout.textContent = number ? fill(words.object_is, { n: number, name: frame.objects[words.language][number - 1] }) : words.object_none;
    }
    this.mark();
    this.hooks.hover(row, column);
  }

  showScore(found) {
    const best = found.scores.indexOf(Math.max(...found.scores));
    this.readout.textContent = fill(this.words.pixel_sure, { x: found.column, y: found.row, found: this.network.classes[best], p: (100 * found.scores[best]).toFixed(1) });
  }

  leave() { this.at = null; this.readout.textContent = ""; this.sideReadout.textContent = ""; this.legend.mark(null); this.mark(); this.hooks.leave(); }

  press(row, column) { if (this.frame) this.hooks.pin(row, column); }

  mark() {                                                // the pixel pointed at, and the one that is pinned
    const colour = getComputedStyle(this.root).getPropertyValue("--st-primary-color").trim() || "#b8127b";
    for (const plane of [this.main, this.side]) {
      plane.clearOver();
      if (!this.frame || !plane.source) continue;
      if (this.settings.px >= 0 && this.settings.source === "picture") plane.outline(this.settings.py, this.settings.px, 1, 1, colour, { least: 10 });
      if (this.at) plane.outline(...this.at, 1, 1, colour, { least: 6, weight: 1 });
    }
  }

  key(event) {
    if (!this.frame) return;
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key], [, height, width] = this.frame.image.shape;
    if (step) {
      const far = event.shiftKey ? 20 : 4, [row, column] = this.at || [height >> 1, width >> 1];
      event.preventDefault();
      this.point(Math.min(Math.max(row + far * step[0], 0), height - 1), Math.min(Math.max(column + far * step[1], 0), width - 1));
    } else if (event.key === "Enter" && this.at) this.hooks.pin(...this.at);
    else if (event.key === "Escape") this.hooks.pin(-1, -1);
  }

  showZoom() { this.zoomOut.disabled = this.viewport.zoom <= 1; }

  draw() {
    if (!this.frame) return;
    const [, height, width] = this.frame.image.shape;
    for (const plane of [this.main, this.side]) {
      const room = plane.frame.parentElement.clientWidth, tallest = Math.max(window.innerHeight * 0.68, 280);
      if (!room) continue;
      const wide = Math.round(Math.min(room, tallest * width / height));
      plane.frame.style.width = `${wide}px`;
      plane.resize(wide, Math.max(Math.round(wide * height / width), 40));
      plane.draw();
    }
    this.legend.drawBars();
    this.mark();
  }

  close() { this.observer.disconnect(); }
}
