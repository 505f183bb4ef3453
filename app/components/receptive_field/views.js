// The picture with boxes and heat on it, and the chosen layer's map of units beside it.
import { make } from "../shared/dom.js";
import { SCALES } from "../shared/colours.js";
import { Plane } from "../shared/plane.js";
import { Viewport } from "../shared/viewport.js";

const LEAST_MARGIN = 0.05, MOST_MARGIN = 0.16;            // of the picture's longer side, left free for the padding

class FieldView {
  constructor(name, hooks) {
    this.viewport = new Viewport(() => hooks.redraw());
    this.plane = new Plane(this.viewport, { takesWheel: () => false, leave: () => hooks.leave(), hover: (plane, r, c) => hooks.hover(name, r, c), press: (plane, r, c) => hooks.press(name, r, c) });
    this.title = make("span", { class: "name" }); this.shape = make("span", { class: "shape" });
    this.readout = make("div", { class: "readout" });
    this.element = make("figure", { class: "view", "data-view": name }, make("figcaption", { class: "title" }, this.title, this.shape), this.plane.frame, this.readout);
  }
}

export class Views {
  // hooks: hover(view, row, column), leave(), press(view, row, column), redraw(); view: "picture" or "map"
  constructor(root, hooks) {
    this.root = root;
    this.picture = new FieldView("picture", hooks);
    this.map = new FieldView("map", hooks);
    root.append(this.picture.element, this.map.element);
    this.observer = new ResizeObserver(() => this.layout(hooks));
    this.observer.observe(root);
  }

  showPicture(image, heat, overhang) {                    // image: {data, shape (C, H, W)}; heat: {data} or null
    const [channels, height, width] = image.shape, [[top, bottom], [left, right]] = overhang;
    const longest = Math.max(height, width), most = MOST_MARGIN * longest, least = LEAST_MARGIN * longest;
    const margin = Math.min(Math.max(top, bottom - height, left, right - width, least), most);
    this.picture.viewport.fitTo(-margin, -margin, width + 2 * margin, height + 2 * margin);
    this.picture.plane.setContent({ rows: height, columns: width, affine: { x: 0, y: 0, width: 1, height: 1 },
      paint: (out) => (heat ? paintHeat(image.data, channels, heat.data, out) : paintPlain(image.data, channels, out)),
      decorate: (pen, plane) => { pen.strokeStyle = "rgb(128 128 128 / .8)"; pen.lineWidth = 1; pen.strokeRect(...plane.boxOf(0, 0, height, width)); } });
  }

  showMap(image, geometry, place) {                       // every unit in the picture's colour at the middle of what it sees
    const [channels, height, width] = image.shape, [rows, columns] = geometry.layers[place].grid;
    const at = (axis, index, length) => { const [low, end] = geometry.span(place, axis, index); return Math.min(Math.max(Math.floor((low + end) / 2), 0), length - 1); };
    const xs = Array.from({ length: columns }, (_, c) => at(1, c, width));
    const plain = new Uint32Array(height * width);
    paintPlain(image.data, channels, plain);
    this.map.viewport.fitTo(0, 0, columns, rows);
    this.map.plane.setContent({ rows, columns, affine: { x: 0, y: 0, width: 1, height: 1 },
      paint: (out) => { for (let r = 0; r < rows; r++) { const y = at(0, r, height); for (let c = 0; c < columns; c++) out[r * columns + c] = plain[y * width + xs[c]]; } },
      decorate: drawLattice });
  }

  layout(hooks) {
    const width = this.picture.plane.frame.clientWidth;
    if (!width) return;
    const { bounds } = this.picture.viewport, { room } = this;
    const height = Math.round(Math.min(width * bounds[3] / bounds[2], room));
    const small = window.innerWidth <= 900;
    for (const view of [this.picture, this.map]) {
      view.plane.resize(view.plane.frame.clientWidth, view === this.map && small ? Math.min(height, 260) : height);
      view.plane.draw();
    }
    hooks.redraw(true);
  }

  get room() { return Math.max(window.innerHeight * 0.54, 260); }   // CSS pixels that a view may be high

  draw() { this.picture.plane.draw(); this.map.plane.draw(); }

  get accent() { return getComputedStyle(this.root).getPropertyValue("--st-primary-color").trim() || "#b8127b"; }

  drawUnit(place, geometry, row, column, boxes, shade) {  // boxes: nested ones, the unit's own last
    const { plane } = this.picture, { pen } = plane, colour = this.accent;
    plane.clearOver();
    const [x1, y1, x2, y2] = geometry.box(place, row, column);
    const inside = plane.boxOf(y1, x1, y2 - y1, x2 - x1);
    if (shade) {
      const path = new Path2D();
      path.rect(0, 0, plane.width, plane.height); path.rect(...inside);
      pen.save(); pen.beginPath(); pen.rect(...plane.boxOf(0, 0, plane.rows, plane.columns)); pen.clip();
      pen.fillStyle = "rgb(0 0 0 / .5)"; pen.fill(path, "evenodd"); pen.restore();
    }
    this.hatchPadding(plane, inside, colour);
    boxes.slice(0, -1).forEach((box) => {
      const shape = plane.boxOf(box[1], box[0], box[3] - box[1], box[2] - box[0]);
      pen.lineWidth = 2.4; pen.strokeStyle = "rgb(0 0 0 / .45)"; pen.strokeRect(...shape);
      pen.lineWidth = 1.1; pen.strokeStyle = "rgb(255 255 255 / .95)"; pen.strokeRect(...shape);
    });
    if (x2 > x1 && y2 > y1) plane.outline(y1, x1, y2 - y1, x2 - x1, colour, { least: 5 });
    this.map.plane.clearOver();
    this.map.plane.outline(row, column, 1, 1, colour, { least: 7 });
  }

  hatchPadding(plane, inside, colour) {                   // the part of the box that lies off the picture
    const { pen } = plane, frame = new Path2D();
    frame.rect(0, 0, plane.width, plane.height); frame.rect(...plane.boxOf(0, 0, plane.rows, plane.columns));
    pen.save();
    pen.clip(frame, "evenodd");
    pen.beginPath(); pen.rect(...inside); pen.clip();
    pen.fillStyle = `color-mix(in srgb, ${colour} 14%, transparent)`; pen.fillRect(...inside);
    pen.strokeStyle = colour; pen.globalAlpha = 0.55; pen.lineWidth = 1; pen.beginPath();
    for (let at = -plane.height; at < plane.width; at += 9) { pen.moveTo(at, plane.height); pen.lineTo(at + plane.height, 0); }
    pen.stroke(); pen.restore();
  }

  drawPixel(place, geometry, y, x) {                      // the reverse: a pixel, and the units that see it
    const { plane } = this.picture, colour = this.accent;
    plane.clearOver();
    plane.outline(y, x, 1, 1, colour, { least: 9 });
    const units = geometry.units(place, y, x), map = this.map.plane;
    map.clearOver();
    if (!units) return null;
    const [c1, r1, c2, r2] = units;
    map.outline(r1, c1, r2 - r1, c2 - c1, colour, { least: 6, fill: `color-mix(in srgb, ${colour} 42%, transparent)` });
    return units;
  }

  close() { this.observer.disconnect(); }
}

function drawLattice(pen, plane) {
  const [left, top, width, height] = plane.boxOf(0, 0, plane.rows, plane.columns), cell = width / plane.columns;
  pen.strokeStyle = "rgb(128 128 128 / .55)"; pen.lineWidth = 1; pen.strokeRect(left, top, width, height);
  if (cell < 7) return;
  pen.strokeStyle = "rgb(0 0 0 / .28)"; pen.beginPath();
  for (let c = 1; c < plane.columns; c++) { pen.moveTo(left + c * cell, top); pen.lineTo(left + c * cell, top + height); }
  for (let r = 1; r < plane.rows; r++) { pen.moveTo(left, top + r * height / plane.rows); pen.lineTo(left + width, top + r * height / plane.rows); }
  pen.stroke();
}

function paintPlain(data, channels, out) {
  const count = out.length, g = channels === 3 ? count : 0, b = 2 * g;
  for (let i = 0; i < count; i++) out[i] = (255 << 24 | data[i + b] << 16 | data[i + g] << 8 | data[i]) >>> 0;
}

function paintHeat(data, channels, heat, out) {           // the picture gray and dim; viridis by the root of the part of the largest
  const count = out.length, g = channels === 3 ? count : 0, b = 2 * g, lut = SCALES.magnitude;
  let most = 0;
  for (let i = 0; i < count; i++) if (heat[i] > most) most = heat[i];
  for (let i = 0; i < count; i++) {
    const strength = most ? Math.sqrt(heat[i] / most) : 0, part = Math.min(1, 1.5 * strength);
    const gray = (data[i] + data[i + g] + data[i + b]) / 3 * 0.6 * (1 - part), colour = lut[Math.round(strength * 255)];
    const mix = (shift) => Math.round(gray + part * (colour >> shift & 255));
    out[i] = (255 << 24 | mix(16) << 16 | mix(8) << 8 | mix(0)) >>> 0;
  }
}
