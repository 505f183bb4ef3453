// A map on screen: cells magnified without smoothing, their numbers where there is room, and an overlay for what is pointed at.
import { make } from "./dom.js";

const NUMBER_FROM = 28;                                // CSS pixels a cell needs to show its number

export class Plane {
  // hooks: hover(row, column), leave(), press(row, column), zoom(factor, x, y), pan(x, y), each in cells or input pixels
  constructor(viewport, hooks) {
    this.viewport = viewport; this.hooks = hooks;
    this.base = make("canvas", { class: "base" });
    this.over = make("canvas", { class: "over" });
    this.frame = make("div", { class: "frame" }, this.base, this.over);
    this.paper = this.base.getContext("2d");
    this.pen = this.over.getContext("2d");
    this.rows = 0; this.columns = 0; this.width = 0; this.height = 0;
    this.pointers = new Map();
    this.listen();
  }

  // content: {rows, columns, affine: {x, y, width, height}, paint(pixels), numbersAt(row, column) → lines, decorate(pen, plane)}
  setContent(content) {
    Object.assign(this, content);
    if (!this.source || this.source.width !== this.columns || this.source.height !== this.rows) {
      this.source = new OffscreenCanvas(this.columns, this.rows);
      this.image = new ImageData(this.columns, this.rows);
      this.pixels = new Uint32Array(this.image.data.buffer);
    }
    this.paint(this.pixels);
    this.source.getContext("2d").putImageData(this.image, 0, 0);
  }

  resize(width, height) {
    const ratio = window.devicePixelRatio || 1;
    if (width === this.width && height === this.height && ratio === this.ratio) return;
    Object.assign(this, { width, height, ratio });
    for (const canvas of [this.base, this.over]) {
      canvas.width = Math.round(width * ratio); canvas.height = Math.round(height * ratio);
      canvas.style.height = `${height}px`;
    }
    this.frame.style.height = `${height}px`;
  }

  get view() { return this.viewport.transform(this.width, this.height); }

  boxOf(row, column, rows = 1, columns = 1, view = this.view) {      // CSS pixels of a block of cells
    const { x, y, width, height } = this.affine;
    return [(x + column * width - view.left) * view.scale, (y + row * height - view.top) * view.scale,
      columns * width * view.scale, rows * height * view.scale];
  }

  inputAt(event) {
    const box = this.frame.getBoundingClientRect(), view = this.view;
    return [(event.clientX - box.left) / view.scale + view.left, (event.clientY - box.top) / view.scale + view.top];
  }

  cellAt(event) {                                       // [row, column], or null outside the map
    const [x, y] = this.inputAt(event);
    const column = Math.floor((x - this.affine.x) / this.affine.width), row = Math.floor((y - this.affine.y) / this.affine.height);
    return row >= 0 && column >= 0 && row < this.rows && column < this.columns ? [row, column] : null;
  }

  draw() {
    if (!this.source || !this.width) return;
    const pen = this.paper, view = this.view;
    pen.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    pen.clearRect(0, 0, this.width, this.height);
    const [left, top, width, height] = this.boxOf(0, 0, this.rows, this.columns, view);
    pen.imageSmoothingEnabled = width / this.columns * this.ratio < 1;
    pen.imageSmoothingQuality = "medium";
    pen.drawImage(this.source, left, top, width, height);
    this.decorate?.(pen, this);
    const cell = Math.min(width / this.columns, height / this.rows);
    if (cell >= NUMBER_FROM && this.numbersAt) this.drawNumbers(pen, cell, view);
  }

  visibleCells(view = this.view) {                      // [first row, row end, first column, column end]
    const { x, y, width, height } = this.affine;
    const first = (at, size) => Math.max(0, Math.floor(at / size));
    return [first(view.top - y, height), Math.min(this.rows, Math.ceil((view.top + this.height / view.scale - y) / height)),
      first(view.left - x, width), Math.min(this.columns, Math.ceil((view.left + this.width / view.scale - x) / width))];
  }

  drawNumbers(pen, cell, view) {
    const [firstRow, rowEnd, firstColumn, columnEnd] = this.visibleCells(view);
    const family = getComputedStyle(this.frame).getPropertyValue("--st-code-font") || "monospace";
    pen.textAlign = "center"; pen.textBaseline = "middle";
    for (let row = firstRow; row < rowEnd; row++) {
      for (let column = firstColumn; column < columnEnd; column++) {
        const lines = this.numbersAt(row, column);
        if (!lines) continue;
        const [left, top, width, height] = this.boxOf(row, column, 1, 1, view);
        const longest = Math.max(...lines.map((line) => line.length), 3);
        const size = Math.min(17, (cell - 4) / longest / 0.61, (cell - 2) / lines.length / 1.1);
        if (size < 6.5) continue;
        const packed = this.pixels[row * this.columns + column];
        const light = 0.3 * (packed & 255) + 0.59 * (packed >> 8 & 255) + 0.11 * (packed >> 16 & 255);
        pen.fillStyle = light > 140 ? "#101216" : "#ffffff";
        pen.font = `500 ${size}px ${family}`;
        lines.forEach((line, i) => pen.fillText(line, left + width / 2, top + height / 2 + (i - (lines.length - 1) / 2) * size * 1.12));
      }
    }
  }

  clearOver() {
    this.pen.setTransform(this.ratio || 1, 0, 0, this.ratio || 1, 0, 0);
    this.pen.clearRect(0, 0, this.width, this.height);
  }

  outline(row, column, rows, columns, colour, { least = 9, dash = false, fill = null, weight = 2 } = {}) {
    let [left, top, width, height] = this.boxOf(row, column, rows, columns);
    if (width < least) { left -= (least - width) / 2; width = least; }
    if (height < least) { top -= (least - height) / 2; height = least; }
    const pen = this.pen;
    if (fill) { pen.fillStyle = fill; pen.fillRect(left, top, width, height); }
    pen.setLineDash(dash ? [4, 3] : []);
    pen.lineWidth = weight + 2; pen.strokeStyle = "rgb(255 255 255 / .85)"; pen.strokeRect(left, top, width, height);
    pen.lineWidth = weight; pen.strokeStyle = colour; pen.strokeRect(left, top, width, height);
    pen.setLineDash([]);
  }

  listen() {
    const { over } = this;
    over.addEventListener("pointermove", (event) => this.moved(event));
    over.addEventListener("pointerleave", () => { if (!this.pointers.size) this.hooks.leave(this); });
    over.addEventListener("pointerdown", (event) => {
      this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
      this.dragged = this.pointers.size > 1; this.start = [event.clientX, event.clientY, this.viewport.x, this.viewport.y];
      over.setPointerCapture(event.pointerId);
    });
    const end = (event) => {
      if (!this.pointers.delete(event.pointerId) || this.dragged || event.type === "pointercancel") return;
      const cell = this.cellAt(event);
      if (cell) this.hooks.press(this, ...cell);
    };
    over.addEventListener("pointerup", end);
    over.addEventListener("pointercancel", end);
    over.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey && !this.hooks.takesWheel()) return;
      event.preventDefault();
      this.viewport.zoomBy(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.002)), ...this.inputAt(event));
    }, { passive: false });
  }

  moved(event) {
    if (this.pointers.has(event.pointerId)) {
      const before = this.pointers.get(event.pointerId);
      this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
      if (this.pointers.size === 2) { this.pinch(event, before); return; }
      const [x, y, viewX, viewY] = this.start;
      if (this.viewport.zoom > 1 && (this.dragged || Math.hypot(event.clientX - x, event.clientY - y) > 5)) {
        this.dragged = true;
        const { scale } = this.view;
        this.viewport.moveTo(viewX - (event.clientX - x) / scale, viewY - (event.clientY - y) / scale);
        return;
      }
    }
    const cell = this.cellAt(event);
    if (cell) this.hooks.hover(this, ...cell); else this.hooks.leave(this);
  }

  pinch(event, before) {
    this.dragged = true;
    const [other] = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
    const was = Math.hypot(before[0] - other[0], before[1] - other[1]) || 1;
    const now = Math.hypot(event.clientX - other[0], event.clientY - other[1]);
    const middle = { clientX: (event.clientX + other[0]) / 2, clientY: (event.clientY + other[1]) / 2 };
    this.viewport.zoomBy(now / was, ...this.inputAt(middle));
  }
}
