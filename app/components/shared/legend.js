// A colour scale with its numbers, the histogram of the map standing on it, and a marker at the value pointed at.
import { make } from "./dom.js";
import { SCALES, gradientCss } from "./colours.js";
import { shortNumber } from "./numbers.js";

const BINS = 96;

export class Legend {
  constructor() {
    this.bars = make("canvas", { class: "histogram", "aria-hidden": "true" });
    this.bar = make("div", { class: "colour-bar" });
    this.marker = make("i", { class: "marker cs-hidden" }, make("i"));
    this.low = make("span"); this.middle = make("span"); this.high = make("span");
    this.element = make("div", { class: "legend" }, this.bars, make("div", { class: "bar-line" }, this.bar, this.marker),
      make("div", { class: "ends" }, this.low, this.middle, this.high));
  }

  // scale: {kind, low, high}; low..high are the values at the bar's ends
  show(scale, words) {
    this.scale = scale;
    const lut = scale.kind === "signed" ? SCALES.signed : scale.kind === "gray" ? SCALES.gray
      : scale.kind === "wheel" ? SCALES.wheel : SCALES.magnitude;
    this.bar.style.background = gradientCss(lut, scale.kind === "signed" ? 1 : 0);
    const unit = scale.kind === "wheel" ? "°" : "";
    this.low.textContent = shortNumber(scale.low) + unit;
    this.high.textContent = shortNumber(scale.high) + unit;
    this.middle.textContent = scale.kind === "signed" ? "0" : "";
    this.bars.title = words.histogram_hint;
  }

  count(data) {                                          // heights by square root, so that rare values stay visible
    const { low, high } = this.scale, bins = new Float64Array(BINS), factor = BINS / (high - low || 1);
    const absolute = this.scale.kind === "absolute";
    for (let i = 0; i < data.length; i++) {
      const value = absolute && data[i] < 0 ? -data[i] : data[i];
      let place = (value - low) * factor | 0;
      if (place < 0) place = 0; else if (place >= BINS) place = BINS - 1;
      bins[place] += 1;
    }
    this.bins = bins;
    this.drawBars();
  }

  drawBars() {
    const width = this.bars.clientWidth, height = 26, ratio = window.devicePixelRatio || 1;
    if (!width || !this.bins) return;
    this.bars.width = width * ratio; this.bars.height = height * ratio;
    const pen = this.bars.getContext("2d"), most = Math.sqrt(Math.max(...this.bins)) || 1, step = width / BINS;
    pen.scale(ratio, ratio);
    pen.fillStyle = getComputedStyle(this.element).color;
    this.bins.forEach((count, i) => {
      const tall = Math.sqrt(count) / most * height;
      pen.fillRect(i * step, height - tall, Math.max(step - 0.5, 0.5), tall);
    });
  }

  mark(value) {                                          // null: nothing is pointed at
    this.marker.classList.toggle("cs-hidden", value === null);
    if (value === null || !this.scale) return;
    const shown = this.scale.kind === "absolute" ? Math.abs(value) : value;
    const part = (shown - this.scale.low) / (this.scale.high - this.scale.low || 1);
    this.marker.style.transform = `translateX(${Math.min(Math.max(part, 0), 1) * 100}%)`;   // the marker is as wide as the bar
  }
}
