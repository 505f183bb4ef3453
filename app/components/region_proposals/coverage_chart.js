// Best overlap with the drawn boxes against the number of regions, on a doubling scale; drag to choose how many are shown.
import { make } from "../shared/dom.js";

const MARGIN = { left: 40, right: 14, top: 10, bottom: 34 };

export class CoverageChart {
  constructor(words, choose) {
    this.words = words; this.choose = choose; this.curves = [];
    this.canvas = make("canvas", { role: "img", onpointerdown: (event) => { this.canvas.setPointerCapture(event.pointerId); this.pick(event); }, onpointermove: (event) => { if (event.buttons) this.pick(event); } });
    this.element = make("figure", { class: "coverage" }, make("figcaption", {}, words.chart_title), this.canvas);
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this.element);
  }

  show(curves, n) { this.curves = curves; this.n = n; this.draw(); }   // curves: [{values, dashed}]

  get most() { return Math.max(...this.curves.map(({ values }) => values.length), 2); }

  pick(event) {
    const width = this.canvas.clientWidth - MARGIN.left - MARGIN.right, at = (event.clientX - this.canvas.getBoundingClientRect().left - MARGIN.left) / width;
    this.choose(Math.min(Math.max(Math.round(2 ** (Math.min(Math.max(at, 0), 1) * Math.log2(this.most))), 1), this.most));
  }

  draw() {
    const width = this.canvas.clientWidth, height = 190, ratio = window.devicePixelRatio || 1, pen = this.canvas.getContext("2d");
    if (!width || !this.curves.length) return;
    this.canvas.width = width * ratio; this.canvas.height = height * ratio; this.canvas.style.height = `${height}px`;
    pen.scale(ratio, ratio);
    const style = getComputedStyle(this.canvas), ink = style.color, accent = style.getPropertyValue("--st-primary-color").trim();
    const quiet = `color-mix(in srgb, ${ink} 64%, transparent)`, faint = `color-mix(in srgb, ${ink} 14%, transparent)`;
    const inner = { w: width - MARGIN.left - MARGIN.right, h: height - MARGIN.top - MARGIN.bottom }, most = this.most;
    const x = (k) => MARGIN.left + Math.log2(k) / Math.log2(most) * inner.w, y = (v) => MARGIN.top + (1 - v) * inner.h;
    pen.font = `12px ${style.getPropertyValue("--st-font") || "sans-serif"}`; pen.fillStyle = quiet; pen.lineWidth = 1;
    pen.textAlign = "right"; pen.textBaseline = "middle";
    for (const value of [0, 0.5, 1]) {
      pen.strokeStyle = value === 0.5 ? quiet : faint; pen.setLineDash(value === 0.5 ? [3, 4] : []);
      pen.beginPath(); pen.moveTo(MARGIN.left, y(value)); pen.lineTo(width - MARGIN.right, y(value)); pen.stroke(); pen.fillText(String(value), MARGIN.left - 7, y(value));
    }
    pen.setLineDash([]); pen.textAlign = "center"; pen.textBaseline = "top";
    for (let k = 1; k <= most; k *= 4) pen.fillText(String(k), x(k), height - MARGIN.bottom + 5);
    pen.fillText(this.words.chart_axis, MARGIN.left + inner.w / 2, height - 14);
    for (const { values, dashed } of this.curves) {
      pen.strokeStyle = dashed ? quiet : accent; pen.lineWidth = 2.2; pen.setLineDash(dashed ? [6, 3] : []); pen.beginPath();
      values.forEach((value, i) => { if (i) { pen.lineTo(x(i + 1), y(values[i - 1])); pen.lineTo(x(i + 1), y(value)); } else pen.moveTo(x(1), y(value)); });
      pen.stroke();
    }
    pen.setLineDash([]);
    const values = this.curves[0].values, k = Math.min(Math.max(this.n, 1), values.length);
    pen.strokeStyle = accent; pen.fillStyle = accent; pen.lineWidth = 1; pen.beginPath(); pen.moveTo(x(k), MARGIN.top); pen.lineTo(x(k), MARGIN.top + inner.h); pen.stroke();
    pen.beginPath(); pen.arc(x(k), y(values[k - 1]), 5, 0, 7); pen.fill();
  }

  close() { this.observer.disconnect(); }
}
