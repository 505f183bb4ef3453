// The picture of the step that is looked at over the content, what can be seen before a run, and what they are called.
import { fill } from "../shared/dom.js";
import { WipeCanvas } from "../shared/wipe_canvas.js";

export class StudioPicture {
  constructor(root, studio) {
    this.studio = studio;
    this.caption = root.querySelector(".caption"); this.canvas = root.querySelector(".shown");
    const readout = root.querySelector(".readout");
    this.wipe = new WipeCanvas(root.querySelector(".canvas-box"), this.canvas, (x, y, colour) => {
      readout.textContent = x === null ? "" : fill(studio.words.readout, { x: Math.round(100 * x), y: Math.round(100 * y), r: colour[0], g: colour[1], b: colour[2] });
    });
    this.photo = null; this.first = new Map(); this.last = null;
  }

  show(url, picture) {
    this.alt = picture.alt;
    if (url === this.url) return;
    this.url = url; this.photo = null; this.last = null;
    const image = new Image();
    image.onload = () => { if (this.url === url) { this.photo = image; this.draw(); } };
    image.src = url;
  }

  firstBitmap() {
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
    const { studio, canvas } = this, bitmap = this.bitmap;
    if (bitmap) this.last = bitmap;
    if (!this.photo) return;
    this.wipe.show(bitmap || this.last, this.photo, this.photo.naturalWidth / this.photo.naturalHeight);
    canvas.dataset.step = bitmap ? studio.step : "";
    canvas.setAttribute("aria-label", fill(studio.words.picture_alt, { alt: this.alt }));
    this.caption.textContent = this.captionText();
  }

  captionText() {
    const { studio } = this, { words, block } = studio, row = studio.store.row(studio.step);
    if (studio.fresh && row) return fill(words.caption_step, { step: row.step, steps: studio.news.steps, w: row.size[1], h: row.size[0], seconds: row.seconds.toFixed(1), network: block.networks.find((one) => one.name === studio.news.network).label });
    return fill(words[`caption_${block.first.kind}`], { ms: Math.max(1, Math.round(block.first.seconds * 1000)), style: block.styles.map((style) => style.name).join(" + ") });
  }

  close() { this.wipe.close(); }
}
