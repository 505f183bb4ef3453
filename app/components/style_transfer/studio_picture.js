// The picture of the step that is looked at, with a line that uncovers the content behind it, and the colours under the pointer.
import { fill } from "../shared/dom.js";

export class StudioPicture {
  constructor(root, studio) {
    this.studio = studio;
    this.caption = root.querySelector(".caption"); this.canvas = root.querySelector(".shown"); this.readout = root.querySelector(".readout");
    this.pen = this.canvas.getContext("2d", { willReadFrequently: true });
    this.wipe = 0; this.dragging = false; this.photo = null; this.first = new Map(); this.last = null;
    this.box = root.querySelector(".canvas-box");
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this.box);
    const move = (event) => {
      const box = this.canvas.getBoundingClientRect();
      const x = (event.clientX - box.left) / box.width, y = (event.clientY - box.top) / box.height;
      if (this.dragging) { this.wipe = Math.min(Math.max(x, 0), 1); this.draw(); }
      this.read(x, y);
    };
    this.canvas.onpointerdown = (event) => { this.dragging = true; this.canvas.setPointerCapture(event.pointerId); move(event); };
    this.canvas.onpointermove = move;
    this.canvas.onpointerup = () => { this.dragging = false; if (this.wipe < 0.02) { this.wipe = 0; this.draw(); } };
    this.canvas.onpointerleave = () => { this.readout.textContent = ""; };
    this.canvas.onkeydown = (event) => {
      const by = { ArrowLeft: -0.05, ArrowRight: 0.05, Home: -1, End: 1 }[event.key];
      if (!by) return;
      event.preventDefault();
      this.wipe = Math.min(Math.max(this.wipe + by, 0), 1);
      this.draw();
    };
  }

  show(url, picture) {
    this.alt = picture.alt;
    if (url === this.url) return;
    this.url = url; this.photo = null;
    const image = new Image();
    image.onload = () => { if (this.url === url) { this.photo = image; this.draw(); } };
    image.src = url;
  }

  firstBitmap() {                                           // what can be seen before a run
    const { id } = this.studio.block.first, blob = this.studio.parts.get(id)?.jpeg;
    if (this.first.has(id) || !blob) return this.first.get(id) || null;
    this.first.set(id, null);
    createImageBitmap(blob).then((bitmap) => { this.first.set(id, bitmap); this.draw(); }).catch(() => this.first.delete(id));
    return null;
  }

  get bitmap() {
    const { studio } = this;
    if (!studio.fresh || !studio.store.frames.size) return this.firstBitmap();
    return studio.store.bitmap(studio.step);
  }

  draw() {
    const { studio, canvas, pen } = this, source = this.bitmap || this.last;
    if (this.bitmap) this.last = this.bitmap;
    if (!this.photo || !this.box.clientWidth) return;
    const shape = this.photo.naturalWidth / this.photo.naturalHeight, room = Math.max(window.innerHeight * 0.62, 280);
    const width = Math.max(Math.round(Math.min(this.box.clientWidth, room * shape)), 1), height = Math.max(Math.round(width / shape), 1);
    const ratio = window.devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * ratio)) { canvas.width = Math.round(width * ratio); canvas.height = Math.round(height * ratio); }
    canvas.style.width = `${width}px`; canvas.style.height = `${height}px`;
    canvas.dataset.step = studio.step;
    canvas.setAttribute("aria-label", fill(studio.words.picture_alt, { alt: this.alt }));
    pen.imageSmoothingQuality = "high";
    pen.drawImage(source || this.photo, 0, 0, canvas.width, canvas.height);
    const edge = Math.round(this.wipe * canvas.width);
    if (edge > 0) {
      pen.save(); pen.beginPath(); pen.rect(0, 0, edge, canvas.height); pen.clip();
      pen.drawImage(this.photo, 0, 0, canvas.width, canvas.height); pen.restore();
    }
    pen.fillStyle = "rgb(255 255 255 / .9)"; pen.fillRect(Math.max(edge - ratio, 0), 0, 2 * ratio, canvas.height);
    pen.beginPath(); pen.arc(Math.max(edge, 7 * ratio), canvas.height / 2, 6 * ratio, 0, 7); pen.fill();
    pen.strokeStyle = "rgb(0 0 0 / .55)"; pen.lineWidth = ratio; pen.stroke();
    this.caption.textContent = this.captionText();
  }

  captionText() {
    const { studio } = this, { words, block } = studio, row = studio.store.row(studio.step);
    if (studio.fresh && row) return fill(words.caption_step, { step: row.step, steps: studio.news.steps, w: row.size[1], h: row.size[0], seconds: row.seconds.toFixed(1), network: block.networks.find((one) => one.name === studio.news.network).label });
    return fill(words[`caption_${block.first.kind}`], { ms: Math.max(1, Math.round(block.first.seconds * 1000)), style: block.styles.map((style) => style.name).join(" + ") });
  }

  read(x, y) {
    const { canvas } = this;
    if (x < 0 || y < 0 || x >= 1 || y >= 1 || !this.photo) { this.readout.textContent = ""; return; }
    const [r, g, b] = this.pen.getImageData(Math.floor(x * canvas.width), Math.floor(y * canvas.height), 1, 1).data;
    this.readout.textContent = fill(this.studio.words.readout, { x: Math.round(100 * x), y: Math.round(100 * y), r, g, b });
  }

  close() { this.observer.disconnect(); }
}
