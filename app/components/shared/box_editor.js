// A picture with boxes on it that a person draws, drags and resizes by mouse, touch and keys; boxes are in pixels of the picture.
import { HANDLES, boxAt, handleAt, handlePlace, movedBox, resizedBox, snapped, within } from "./box_geometry.js";
import { paintPicture } from "./colours.js";
import { make } from "./dom.js";

const CURSORS = { nw: "nwse-resize", se: "nwse-resize", ne: "nesw-resize", sw: "nesw-resize", n: "ns-resize", s: "ns-resize", e: "ew-resize", w: "ew-resize" };

export class BoxEditor {
  // hooks, all but `style` optional:
  //   style(item, index, editor) → {colour, weight, dash, alpha, fill, text} or null (not drawn)
  //   change(items, done)  a person changed them; done: the hand has left        create(box) → a new item, or null
  //   select(index)  hover(index, x, y)  −1: none; x, y in pixels of the picture  press(x, y) → true: nothing else happens
  //   under(pen, editor), over(pen, editor)  more to draw, below and above the boxes
  constructor(hooks) {
    this.hooks = hooks; this.items = []; this.selected = -1; this.hovered = -1;
    this.editable = false; this.most = 40; this.least = 5;
    this.size = [1, 1]; this.width = 0; this.height = 0; this.scale = 1; this.left = 0; this.top = 0;
    this.base = make("canvas", { class: "editor-base" });
    this.over = make("canvas", { class: "editor-over", tabindex: "0", role: "application" });
    this.element = make("div", { class: "box-editor" }, this.base, this.over);
    this.listen();
  }

  // image: {data, shape (C, H, W)} as it is painted; size: [height, width] of the picture whose pixels the boxes count
  setPicture(image, size, alt) {
    const [channels, height, width] = image.shape;
    this.size = size || [height, width];
    this.bitmap = new OffscreenCanvas(width, height);
    const pixels = new ImageData(width, height);
    paintPicture(image.data, new Uint32Array(pixels.data.buffer), channels, -1);
    this.bitmap.getContext("2d").putImageData(pixels, 0, 0);
    this.over.setAttribute("aria-label", alt || "");
    this.fit();
  }

  get step() { return Math.max(...this.size) >= 100 ? 1 : 1 / 8; }
  get shown() { return this.items[this.selected] || null; }

  setItems(items, selected = this.selected) {
    this.items = items;
    this.selected = selected < items.length ? selected : -1;
    if (this.hovered >= items.length) this.hovered = -1;
    this.draw();
  }

  setEditable(editable) {
    this.editable = editable;
    this.over.style.touchAction = editable ? "none" : "pan-y";
    this.over.style.cursor = editable ? "crosshair" : "default";
  }

  fit(room = this.room || 560) {                          // CSS pixels of height there is room for
    this.room = room;
    const width = this.element.clientWidth;
    if (!width || !this.bitmap) return;
    const [rows, columns] = this.size, ratio = window.devicePixelRatio || 1;
    this.scale = Math.min(width / columns, room / rows);
    this.width = width; this.height = Math.max(Math.round(rows * this.scale), 40);
    this.left = (width - columns * this.scale) / 2; this.top = 0;
    for (const canvas of [this.base, this.over]) {
      canvas.width = Math.round(width * ratio); canvas.height = Math.round(this.height * ratio);
      canvas.style.height = `${this.height}px`;
    }
    this.element.style.height = `${this.height}px`;
    this.ratio = ratio;
    const pen = this.base.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.imageSmoothingEnabled = this.bitmap.width > columns * this.scale * ratio;
    pen.imageSmoothingQuality = "high";
    pen.drawImage(this.bitmap, this.left, this.top, columns * this.scale, rows * this.scale);
    this.draw();
  }

  toScreen(x, y) { return [this.left + x * this.scale, this.top + y * this.scale]; }

  rect([x1, y1, x2, y2]) {                                // [left, top, width, height] in CSS pixels
    const [left, top] = this.toScreen(x1, y1);
    return [left, top, (x2 - x1) * this.scale, (y2 - y1) * this.scale];
  }

  at(event) {
    const box = this.over.getBoundingClientRect();
    return [(event.clientX - box.left - this.left) / this.scale, (event.clientY - box.top - this.top) / this.scale];
  }

  draw() {
    if (this.drawing || !this.width) return;
    this.drawing = requestAnimationFrame(() => { this.drawing = 0; this.drawNow(); });
  }

  drawNow() {
    const start = performance.now(), pen = this.over.getContext("2d");
    pen.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    pen.clearRect(0, 0, this.width, this.height);
    this.hooks.under?.(pen, this);
    const texts = [];
    this.items.forEach((item, i) => {
      const style = this.hooks.style(item, i, this);
      if (style) this.outline(pen, item.box, style);
      if (style?.text) texts.push([item.box, style]);
    });
    for (const [box, style] of texts) this.tag(pen, box, style);
    if (this.editable && this.shown) this.drawHandles(pen, this.shown);
    this.hooks.over?.(pen, this);
    this.drawTime = performance.now() - start;
  }

  outline(pen, box, { colour, weight = 2, dash = false, alpha = 1, fill = null, plain = false }) {
    const [left, top, width, height] = this.rect(box);
    pen.globalAlpha = alpha;
    if (fill) { pen.fillStyle = fill; pen.fillRect(left, top, width, height); }
    if (!plain) { pen.lineWidth = weight + 2; pen.strokeStyle = "rgb(255 255 255 / .75)"; pen.strokeRect(left, top, width, height); }
    pen.setLineDash(dash ? [5, 4] : []);
    pen.lineWidth = weight; pen.strokeStyle = colour; pen.strokeRect(left, top, width, height);
    pen.setLineDash([]);
    pen.globalAlpha = 1;
  }

  tag(pen, box, { colour, text, alpha = 1 }) {            // above the box, or inside where there is no room above
    const [left, top, , height] = this.rect(box), family = getComputedStyle(this.element).fontFamily || "sans-serif";
    pen.font = `600 12px ${family}`;
    const width = pen.measureText(text).width + 8, x = within(left - 1, 0, this.width - width);
    const y = top >= 17 ? top - 17 : Math.min(top, top + height - 17) < 0 ? 0 : top;
    pen.globalAlpha = Math.max(alpha, 0.75);
    pen.fillStyle = colour; pen.fillRect(x, y, width, 17);
    pen.globalAlpha = 1;
    pen.fillStyle = "#fff"; pen.textBaseline = "middle"; pen.textAlign = "left";
    pen.fillText(text, x + 4, y + 9);
  }

  drawHandles(pen, item) {
    const { colour } = this.hooks.style(item, this.selected, this) || { colour: "#333" };
    for (const handle of HANDLES) {
      const [x, y] = this.toScreen(...handlePlace(item.box, handle));
      pen.fillStyle = "#fff"; pen.fillRect(x - 4.5, y - 4.5, 9, 9);
      pen.lineWidth = 1.5; pen.strokeStyle = colour; pen.strokeRect(x - 4.5, y - 4.5, 9, 9);
    }
  }

  listen() {
    const { over } = this;
    over.addEventListener("pointerdown", (event) => this.pressed(event));
    over.addEventListener("pointermove", (event) => (this.drag ? this.dragged(event) : this.moved(event)));
    over.addEventListener("pointerup", (event) => this.released(event));
    over.addEventListener("pointercancel", () => { this.drag = null; });
    over.addEventListener("pointerleave", () => { if (!this.drag) this.point(-1, null, null); });
    over.addEventListener("keydown", (event) => this.key(event));
  }

  point(index, x, y) {
    this.hovered = index;
    this.hooks.hover?.(index, x, y);
  }

  grip(event) {                                           // what a press here would take hold of
    const [x, y] = this.at(event), reach = (event.pointerType === "touch" ? 20 : 9) / this.scale;
    if (this.editable && this.shown) {
      const handle = handleAt(this.shown.box, x, y, reach);
      if (handle) return { kind: "resize", handle, index: this.selected, x, y };
    }
    const index = boxAt(this.items, x, y, this.editable ? 3 / this.scale : 0);
    if (index >= 0) return { kind: this.editable ? "move" : "pick", index, x, y };
    return { kind: this.editable && this.items.length < this.most ? "draw" : "none", index: -1, x, y };
  }

  moved(event) {
    const grip = this.grip(event);
    if (this.editable) this.over.style.cursor = grip.kind === "resize" ? CURSORS[grip.handle] : grip.kind === "move" ? "move" : "crosshair";
    this.point(grip.index, grip.x, grip.y);
  }

  pressed(event) {
    if (event.button > 0) return;
    const grip = this.grip(event);
    this.over.focus({ preventScroll: true });
    if (this.hooks.press?.(grip.x, grip.y)) { this.held = true; return; }
    if (grip.index >= 0) this.choose(grip.index);
    if (grip.kind === "none" || grip.kind === "pick") { if (grip.kind === "none") this.choose(-1); return; }
    this.over.setPointerCapture(event.pointerId);
    this.drag = { ...grip, box: this.shown?.box || null, moved: false };
    if (grip.kind === "draw") this.choose(-1);
  }

  dragged(event) {
    const [x, y] = this.at(event), { drag, size, step } = this;
    if (!drag.moved && Math.hypot(x - drag.x, y - drag.y) * this.scale < 4) return;
    if (!drag.moved && drag.kind === "draw" && !this.start(drag)) { this.drag = null; return; }
    drag.moved = true;
    const item = this.items[drag.index];
    item.box = drag.kind === "move" ? movedBox(drag.box, x - drag.x, y - drag.y, size, step)
      : resizedBox(drag.box, drag.handle, x, y, size, step);
    this.changed(false);
  }

  start(drag) {                                           // a new box grows from where the hand came down
    const [height, width] = this.size, x = within(snapped(drag.x, this.step), 0, width), y = within(snapped(drag.y, this.step), 0, height);
    const item = this.hooks.create ? this.hooks.create([x, y, x, y]) : { box: [x, y, x, y] };
    if (!item) return false;
    this.items.push(item);
    Object.assign(drag, { index: this.items.length - 1, handle: "se", box: [x, y, x, y] });
    this.choose(drag.index);
    return true;
  }

  released() {
    const { drag } = this;
    this.drag = null;
    if (!drag || !drag.moved) return;
    const [x1, y1, x2, y2] = this.items[drag.index].box;
    if (drag.kind === "draw" && Math.max(x2 - x1, y2 - y1) * this.scale < this.least) this.remove(drag.index);
    else this.changed(true);
  }

  choose(index) {
    if (index === this.selected) return;
    this.selected = index;
    this.hooks.select?.(index);
    this.draw();
  }

  changed(done) {
    this.draw();
    this.hooks.change?.(this.items, done);
  }

  add(box) {                                              // a new box, chosen; false where there is no room for more
    if (this.items.length >= this.most) return false;
    const item = this.hooks.create ? this.hooks.create(box) : { box };
    if (!item) return false;
    this.items.push(item);
    this.choose(this.items.length - 1);
    this.changed(true);
    return true;
  }

  remove(index = this.selected) {
    if (!this.items[index]) return;
    this.items.splice(index, 1);
    this.selected = -2;                                   // whatever is chosen next is news
    this.choose(Math.min(index, this.items.length - 1));
    this.changed(true);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || !this.editable) return;
    const far = (event.shiftKey ? 10 : 1) * this.step, [height, width] = this.size, count = this.items.length;
    const arrows = { ArrowLeft: [-far, 0], ArrowRight: [far, 0], ArrowUp: [0, -far], ArrowDown: [0, far] };
    const item = this.shown;
    if (event.key in arrows && item) {
      const [right, down] = arrows[event.key];
      item.box = event.altKey ? resizedBox(item.box, "se", item.box[2] + right, item.box[3] + down, this.size, this.step)
        : movedBox(item.box, right, down, this.size, this.step);
      this.changed(true);
    } else if ((event.key === "]" || event.key === "[") && count) {
      this.choose((this.selected + (event.key === "]" ? 1 : -1) + count) % count);
    } else if ((event.key === "Delete" || event.key === "Backspace") && item) this.remove();
    else if (event.key === "Enter") {
      const place = (part, side) => snapped(side * part, this.step);
      this.add([place(0.35, width), place(0.35, height), place(0.65, width), place(0.65, height)]);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
