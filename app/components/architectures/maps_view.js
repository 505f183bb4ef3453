// All maps of one layer as a mosaic, their numbers under the cursor; click a map to see it alone.
import { paintMap } from "../shared/colours.js";
import { make, fill } from "../shared/dom.js";
import { Legend } from "../shared/legend.js";
import { plainNumber } from "../shared/numbers.js";
import { Plane } from "../shared/plane.js";
import { Viewport } from "../shared/viewport.js";

export function mosaicGrid(count, height, width, aspect) {   // columns and rows of tiles that fill a frame of width / height
  let best = [1, count], most = 0;
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns), scale = Math.min(aspect / (columns * width), 1 / (rows * height));
    if (scale > most * 1.0001) { most = scale; best = [columns, rows]; }
  }
  return best;
}

export class MapsView {
  constructor(words) {
    this.words = words; this.single = -1;
    this.viewport = new Viewport(() => this.plane.draw());
    this.plane = new Plane(this.viewport, { takesWheel: () => false, leave: () => this.say(null), hover: (_, r, c) => this.say([r, c]), press: (_, r, c) => this.press(r, c) });
    this.title = make("span", { class: "name" }); this.shape = make("span", { class: "shape" });
    this.back = make("button", { class: "cs-button back cs-hidden", onclick: () => { this.single = -1; this.paint(); } }, words.all_maps);
    this.readout = make("div", { class: "readout" });
    this.legend = new Legend();
    this.element = make("section", { class: "maps-view" }, make("div", { class: "title" }, this.title, this.shape, this.back), this.plane.frame, this.readout, this.legend.element);
    this.plane.over.setAttribute("tabindex", "0"); this.plane.over.setAttribute("role", "application");
    this.plane.over.addEventListener("keydown", (event) => this.key(event));
    this.observer = new ResizeObserver(() => this.layout());
    this.observer.observe(this.element);
  }

  show(maps, data, label) {                               // maps: {row, total, kind, limit, low, high}; data: {data, shape (C, H, W)}, or null
    if (maps.id !== this.maps?.id) this.single = -1;
    Object.assign(this, { maps, data, label });
    this.title.textContent = label.name;
    this.shape.textContent = label.shape;
    this.element.classList.toggle("empty", !data);
    this.paint();
  }

  paint() {
    const { maps, data, words } = this;
    this.back.classList.toggle("cs-hidden", this.single < 0);
    if (!data) { this.readout.textContent = words.not_run; return; }
    this.legend.show({ kind: maps.kind, low: maps.kind === "signed" ? -maps.limit : 0, high: maps.limit }, words);
    const [count, height, width] = data.shape;
    this.plane.over.setAttribute("aria-label", fill(words.maps_alt, { layer: this.label.name, n: count, h: height, w: width }));
    this.tiles = this.single >= 0 ? [this.single] : Array.from({ length: count }, (_, i) => i);
    this.layout(true);
    this.legend.count(this.single >= 0 ? this.channel(this.single) : data.data);
    this.say(null);
  }

  channel(i) { const [, h, w] = this.data.shape; return this.data.data.subarray(i * h * w, (i + 1) * h * w); }

  layout(fresh = false) {
    const wide = this.plane.frame.clientWidth;
    if (!wide || !this.data) return;
    const [, height, width] = this.data.shape, gap = height > 1 ? Math.max(1, Math.round(height / 28)) : 0;
    const room = Math.min(Math.max(window.innerHeight * 0.5, 240), 520), aspect = wide / room;
    const [columns, rows] = mosaicGrid(this.tiles.length, height + gap, width + gap, aspect);
    this.grid = { columns, rows, gap, height, width };
    const across = columns * (width + gap) - gap, down = rows * (height + gap) - gap;
    const tall = Math.round(Math.min(room, wide * down / across));
    if (fresh || tall !== this.plane.height || wide !== this.plane.width) {
      this.viewport.fitTo(0, 0, across, down);
      this.plane.setContent({ rows: down, columns: across, affine: { x: 0, y: 0, width: 1, height: 1 }, paint: (out) => this.mosaic(out, across), numbersAt: (r, c) => this.number(r, c) });
    }
    this.plane.resize(wide, Math.max(tall, 60));
    this.plane.draw();
    this.legend.drawBars();
  }

  mosaic(out, across) {
    const { columns, gap, height, width } = this.grid, pixels = new Uint32Array(height * width);
    out.fill(0);
    this.tiles.forEach((channel, i) => {
      paintMap(this.channel(channel), pixels, this.maps);
      const top = Math.floor(i / columns) * (height + gap), left = i % columns * (width + gap);
      for (let r = 0; r < height; r++) out.set(pixels.subarray(r * width, (r + 1) * width), (top + r) * across + left);
    });
  }

  at(row, column) {                                       // [channel, row, column] of the maps, or null between them
    const { columns, gap, height, width } = this.grid;
    const r = row % (height + gap), c = column % (width + gap);
    const tile = Math.floor(row / (height + gap)) * columns + Math.floor(column / (width + gap));
    return r < height && c < width && tile < this.tiles.length ? [this.tiles[tile], r, c] : null;
  }

  value([channel, r, c]) { const [, h, w] = this.data.shape; return this.data.data[(channel * h + r) * w + c]; }

  number(row, column) { const spot = this.at(row, column); return spot ? [plainNumber(this.value(spot), 2)] : null; }

  say(cell) {
    const { words, maps, data } = this, spot = cell && data ? this.at(...cell) : null;
    if (!data) return;
    this.legend.mark(spot ? this.value(spot) : null);
    this.plane.clearOver();
    const [count, height, width] = data.shape;
    if (!spot) {
      this.readout.textContent = count < maps.total ? fill(words.maps_first, { n: count, total: maps.total }) : fill(words.maps_hint, { n: count });
      return;
    }
    const value = plainNumber(this.value(spot), 5), [channel, r, c] = spot;
    this.readout.textContent = height * width === 1 ? fill(words.value_unit, { channel, value }) : fill(words.value_at, { channel, r, c, value });
    const { columns, gap } = this.grid, tile = this.tiles.indexOf(channel);
    if (this.single < 0 && height > 1) this.plane.outline(Math.floor(tile / columns) * (height + gap), tile % columns * (width + gap), height, width, getComputedStyle(this.element).getPropertyValue("--st-primary-color"));
  }

  press(row, column) {
    const spot = this.at(row, column);
    if (!spot || this.data.shape[1] < 2) return;
    this.single = this.single >= 0 ? -1 : spot[0];
    this.paint();
  }

  key(event) {
    if (!this.data) return;
    const count = this.data.shape[0], step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step) this.single = Math.min(Math.max(this.single + step, 0), count - 1);
    else if (event.key === "Escape" && this.single >= 0) this.single = -1;
    else return;
    event.preventDefault();
    this.paint();
  }

  close() { this.observer.disconnect(); }
}
