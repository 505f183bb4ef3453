// All channels of a block as one picture of tiles, each from its own least to its own largest value; one is chosen.
import { make } from "./dom.js";
import { SCALES } from "./colours.js";

const GAP = 3, LEAST = 24;                               // CSS pixels between tiles; the least width of one

export class TileMosaic {
  constructor(label, choose) {
    this.choose = choose; this.hovered = -1; this.chosen = 0;
    this.canvas = make("canvas", { tabindex: "0", role: "application", "aria-label": label, onclick: (event) => this.press(event),
      onpointermove: (event) => this.point(this.at(event)), onpointerleave: () => this.point(-1), onkeydown: (event) => this.key(event) });
    this.element = make("div", { class: "mosaic" }, this.canvas);
  }

  // tiles: {data uint8, shape (C, h, w)}; signed: 128 is zero
  show(tiles, signed, chosen) {
    if (tiles !== this.tiles) { this.tiles = tiles; this.paintAtlas(signed); }
    this.chosen = chosen;
    this.draw();
  }

  paintAtlas(signed) {
    const [count, rows, columns] = this.tiles.shape, image = new ImageData(columns, count * rows);
    const out = new Uint32Array(image.data.buffer), lut = signed ? SCALES.signed : SCALES.magnitude;
    for (let i = 0; i < out.length; i++) out[i] = lut[this.tiles.data[i]];
    this.atlas = new OffscreenCanvas(columns, count * rows);
    this.atlas.getContext("2d").putImageData(image, 0, 0);
  }

  layout(width, height) {                                 // the fewest columns with which all tiles fit
    const [count, rows, columns] = this.tiles.shape;
    let across = 1;
    const tall = (n) => Math.ceil(count / n) * ((width / n - GAP) * rows / columns + GAP);
    while (across < count && width / (across + 1) >= LEAST && tall(across) > height) across += 1;
    const tileWidth = Math.min(width / across - GAP, 200);
    return { across, tileWidth, tileHeight: Math.max(tileWidth * rows / columns, 4), total: Math.ceil(count / across) };
  }

  draw() {
    const width = this.element.clientWidth, ratio = window.devicePixelRatio || 1;
    if (!this.tiles || !width) return;
    const [count, rows, columns] = this.tiles.shape;
    this.grid = this.layout(width, 300);
    const { across, tileWidth, tileHeight, total } = this.grid, height = total * (tileHeight + GAP);
    this.canvas.width = width * ratio; this.canvas.height = Math.ceil(height * ratio);
    this.canvas.style.height = `${height}px`;
    const pen = this.canvas.getContext("2d");
    pen.scale(ratio, ratio);
    pen.imageSmoothingEnabled = tileWidth * ratio < columns;
    for (let i = 0; i < count; i++) {
      const [x, y] = this.place(i);
      pen.drawImage(this.atlas, 0, i * rows, columns, rows, x, y, tileWidth, tileHeight);
    }
    const accent = getComputedStyle(this.canvas).getPropertyValue("--st-primary-color").trim() || "#b8127b";
    for (const [index, weight] of [[this.hovered, 1.5], [this.chosen, 3]]) {
      if (index < 0 || index >= count) continue;
      const [x, y] = this.place(index);
      pen.lineWidth = weight; pen.strokeStyle = accent;
      pen.strokeRect(x, y, tileWidth, tileHeight);
    }
    this.across = across;
  }

  place(i) { const { across, tileWidth, tileHeight } = this.grid; return [(i % across) * (tileWidth + GAP) + 1.5, Math.floor(i / across) * (tileHeight + GAP) + 1.5]; }

  at(event) {
    if (!this.grid) return -1;
    const { across, tileWidth, tileHeight } = this.grid, box = this.canvas.getBoundingClientRect();
    const column = Math.floor((event.clientX - box.left) / (tileWidth + GAP)), row = Math.floor((event.clientY - box.top) / (tileHeight + GAP));
    const found = row * across + column;
    return column >= 0 && column < across && found >= 0 && found < this.tiles.shape[0] ? found : -1;
  }

  point(index) {
    if (index === this.hovered) return;
    this.hovered = index;
    this.canvas.title = index >= 0 ? this.nameOf?.(index) ?? `#${index}` : "";
    this.draw();
  }

  press(event) { const found = this.at(event); if (found >= 0) this.choose(found); }

  key(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.across, ArrowDown: this.across }[event.key];
    if (!step) return;
    event.preventDefault();
    this.choose(Math.min(Math.max(this.chosen + step, 0), this.tiles.shape[0] - 1));
  }
}
