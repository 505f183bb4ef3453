// All channels of a layer as one pixel-exact mosaic; point at a value, press to choose a channel and its unit.
import { make } from "../shared/dom.js";
import { paintMap } from "../shared/colours.js";

const GAP = 3, LEAST = 74, MOST = 200;

export function statsOf(data, channels, size) {            // per channel: mean, max, min, variance, and the share that is zero
  return Array.from({ length: channels }, (_, c) => {
    let sum = 0, squares = 0, high = -Infinity, low = Infinity, zeros = 0;
    for (let i = c * size, end = i + size; i < end; i++) { const v = data[i]; sum += v; squares += v * v; if (v > high) high = v; if (v < low) low = v; if (v === 0) zeros += 1; }
    const mean = sum / size;
    return { mean, max: high, min: low, variance: Math.max(squares / size - mean * mean, 0), zeros: zeros / size };
  });
}

export function orderOf(stats, sort, effects, first) {     // places of the channels, the largest first; by index as they are
  const places = stats.map((_, i) => i);
  if (sort === "index") return places;
  const key = sort === "effect" ? (i) => Math.abs(effects?.[first + i] ?? -1) : (i) => stats[i][sort];
  return places.sort((a, b) => key(b) - key(a) || a - b);
}

export class Mosaic {
  // hooks: hover(mosaic, channel, row, column), leave(), press(channel, row, column)
  constructor(root, label, hooks) {
    this.hooks = hooks;
    this.base = make("canvas", { class: "base" }); this.over = make("canvas", { class: "over" });
    this.sheet = make("div", { class: "sheet" }, this.base, this.over);
    this.box = make("div", { class: "mosaic-scroll", tabindex: "0", role: "application", "aria-label": label }, this.sheet);
    this.title = make("div", { class: "mosaic-title" });
    this.element = make("div", { class: "mosaic" }, this.title, this.box);
    root.append(this.element);
    this.over.addEventListener("pointermove", (event) => { const at = this.at(event); if (at) hooks.hover(this, ...at); else hooks.leave(); });
    this.over.addEventListener("pointerleave", () => hooks.leave());
    this.over.addEventListener("click", (event) => { const at = this.at(event); if (at) { this.box.focus({ preventScroll: true }); hooks.press(...at); } });
    this.box.addEventListener("keydown", (event) => this.key(event));
    this.observer = new ResizeObserver(() => { if (this.maps && this.box.clientWidth !== this.laidOut) this.draw(); });
    this.observer.observe(this.box);
  }

  // maps: {data, first, count, rows, columns}; scaleOf(channel place) → scale; order: places; chosen: channel of the layer
  show(maps, order, scaleOf, chosen) {
    Object.assign(this, { maps, order, scaleOf, chosen });
    this.draw();
  }

  layout() {
    const { rows, columns } = this.maps, width = Math.max(this.box.clientWidth - 14, 120);
    const one = rows === 1 && columns === 1;
    let scale = one ? 15 : Math.max(1, Math.round(LEAST / Math.max(rows, columns)));
    while (!one && scale > 1 && scale * columns > MOST) scale -= 1;
    if (!one && scale === 1 && columns > MOST) scale = 1 / Math.ceil(columns / MOST);
    const gap = one ? 1 : GAP, across = Math.max(1, Math.floor((width + gap) / (columns * scale + gap)));
    Object.assign(this, { scale, gap, across: Math.min(across, this.maps.count), laidOut: this.box.clientWidth });
  }

  draw() {
    if (!this.box.clientWidth) return;
    this.layout();
    const { maps, scale, gap, across, order } = this, { rows, columns } = maps, size = rows * columns;
    const lines = Math.ceil(maps.count / across), ratio = window.devicePixelRatio || 1;
    const width = across * (columns * scale + gap) - gap, height = lines * (rows * scale + gap) - gap;
    for (const canvas of [this.base, this.over]) {
      canvas.width = Math.max(1, Math.round(width * ratio)); canvas.height = Math.max(1, Math.round(height * ratio));
      canvas.style.width = `${width}px`; canvas.style.height = `${height}px`;
    }
    this.sheet.style.width = `${width}px`; this.sheet.style.height = `${height}px`;
    const pen = this.base.getContext("2d"), tile = new OffscreenCanvas(columns, rows), paper = tile.getContext("2d");
    const image = new ImageData(columns, rows), pixels = new Uint32Array(image.data.buffer);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.imageSmoothingEnabled = scale < 1;
    order.forEach((place, i) => {
      paintMap(maps.data.subarray(place * size, (place + 1) * size), pixels, this.scaleOf(place));
      paper.putImageData(image, 0, 0);
      const [x, y] = this.corner(i);
      pen.drawImage(tile, x, y, columns * scale, rows * scale);
    });
    this.drawOver();
  }

  corner(i) { return [i % this.across * (this.maps.columns * this.scale + this.gap), Math.floor(i / this.across) * (this.maps.rows * this.scale + this.gap)]; }

  drawOver(linked = null) {                                // the chosen channel's frame; a linked unit [channel, y, x in 0..1]
    if (!this.maps) return;
    const pen = this.over.getContext("2d"), ratio = window.devicePixelRatio || 1, { rows, columns, first } = this.maps, { scale } = this;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, this.over.width, this.over.height);
    const accent = getComputedStyle(this.box).getPropertyValue("--st-primary-color").trim() || "#b8127b";
    const place = this.order.indexOf(this.chosen - first);
    if (place >= 0) { const [x, y] = this.corner(place); pen.lineWidth = 2; pen.strokeStyle = accent; pen.strokeRect(x + 1, y + 1, columns * scale - 2, rows * scale - 2); }
    const other = linked ? this.order.indexOf(linked[0] - first) : -1;
    if (other >= 0) {
      const [x, y] = this.corner(other), px = x + linked[2] * columns * scale, py = y + linked[1] * rows * scale;
      pen.lineWidth = 3; pen.strokeStyle = "rgb(255 255 255 / .9)"; cross(pen, px, py); pen.lineWidth = 1.5; pen.strokeStyle = accent; cross(pen, px, py);
    }
  }

  at(event) {                                              // [channel, row, column] under the pointer, or null
    if (!this.maps) return null;
    const box = this.over.getBoundingClientRect(), { rows, columns, first, count } = this.maps, { scale, gap } = this;
    const x = event.clientX - box.left, y = event.clientY - box.top, wide = columns * scale + gap, tall = rows * scale + gap;
    const i = Math.floor(y / tall) * this.across + Math.floor(x / wide);
    const column = Math.floor(x % wide / scale), row = Math.floor(y % tall / scale);
    return x >= 0 && y >= 0 && Math.floor(x / wide) < this.across && i < count && column < columns && row < rows ? [first + this.order[i], row, column] : null;
  }

  key(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: this.across, ArrowUp: -this.across }[event.key];
    if (!step || !this.maps) return;
    event.preventDefault();
    const at = this.order.indexOf(this.chosen - this.maps.first);
    const next = Math.min(Math.max(at + step, 0), this.maps.count - 1);
    this.hooks.press(this.maps.first + this.order[next], -1, -1);
    const [, y] = this.corner(next);
    if (y < this.box.scrollTop || y + this.maps.rows * this.scale > this.box.scrollTop + this.box.clientHeight) this.box.scrollTop = y - 20;
  }

  close() { this.observer.disconnect(); }
}

function cross(pen, x, y) { pen.beginPath(); pen.moveTo(x - 7, y); pen.lineTo(x + 7, y); pen.moveTo(x, y - 7); pen.lineTo(x, y + 7); pen.stroke(); }
