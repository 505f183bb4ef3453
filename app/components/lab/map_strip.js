// All maps of the bank as one mosaic; pressing a map makes it the one that is looked at.
import { make, fill } from "../shared/dom.js";
import { SCALES } from "../shared/colours.js";

export class MapStrip {
  constructor(choose) {
    this.canvas = make("canvas", { role: "img" });
    this.marker = make("i", { class: "chosen-map" });
    this.element = make("div", { class: "map-strip cs-hidden" }, this.canvas, this.marker);
    this.canvas.addEventListener("click", (event) => {
      const box = this.canvas.getBoundingClientRect();
      const column = Math.floor((event.clientX - box.left) / box.width * this.across), row = Math.floor((event.clientY - box.top) / box.height * this.down);
      const index = row * this.across + column;
      if (index < this.count) choose(index);
    });
    new ResizeObserver(() => this.place()).observe(this.element);
  }

  show(lane, words) {
    const thumbs = lane.arrays.thumbs;
    this.element.classList.toggle("cs-hidden", !thumbs);
    if (!thumbs) return;
    const [count, height, width] = thumbs.shape;
    Object.assign(this, { count, height, width, index: lane.result.index });
    this.across = Math.min(count, Math.max(8, Math.ceil(count / 4)));
    this.down = Math.ceil(count / this.across);
    const total = this.across * width, image = new ImageData(total, this.down * height), pixels = new Uint32Array(image.data.buffer);
    const lut = SCALES.signed, { data } = thumbs;
    let from = 0;
    for (let map = 0; map < count; map++) {
      let to = Math.floor(map / this.across) * height * total + (map % this.across) * width;
      for (let y = 0; y < height; y++, to += total - width) for (let x = 0; x < width; x++) pixels[to++] = lut[data[from++]];
    }
    this.canvas.width = total; this.canvas.height = this.down * height;
    this.canvas.getContext("2d").putImageData(image, 0, 0);
    this.canvas.setAttribute("aria-label", fill(words.maps_alt, { n: count, index: this.index + 1 }));
    this.place();
  }

  place() {
    const box = this.canvas.getBoundingClientRect();
    if (!box.width || !this.count) return;
    const width = box.width / this.across, height = box.height / this.down;
    Object.assign(this.marker.style, { left: `${this.index % this.across * width}px`, top: `${Math.floor(this.index / this.across) * height}px`,
      width: `${width}px`, height: `${height}px` });
  }
}
