// How size and jump grow with depth, on one doubling scale, and what part of the fields lies in the padding.
import { make, fill } from "../shared/dom.js";

const EDGE = { left: 46, right: 44, top: 12, bottom: 22 };

export class GrowthChart {
  constructor(root, words, choose) {
    this.words = words; this.choose = choose; this.shown = [];
    this.canvas = make("canvas", { role: "img", onclick: (event) => this.clicked(event) });
    const key = (name) => make("span", { class: `key ${name}` }, words[`chart_${name}`]);
    root.replaceChildren(make("h3", {}, words.chart_title), make("div", { class: "chart-keys" }, key("size"), key("jump"), key("share")), this.canvas);
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(root);
  }

  show(layers, listed, place, picture) {                  // listed: places of layers, in order
    Object.assign(this, { layers, shown: listed, place, side: Math.max(...picture.shape.slice(1)) });
    const last = layers[listed.at(-1)];
    this.canvas.setAttribute("aria-label", fill(this.words.chart_alt, { n: listed.length, size: Math.max(...last.size), jump: Math.max(...last.jump) }));
    this.draw();
  }

  draw() {
    const width = this.canvas.clientWidth, height = 236, ratio = window.devicePixelRatio || 1;
    if (!width || !this.shown.length) return;
    this.canvas.width = width * ratio; this.canvas.height = height * ratio; this.canvas.style.height = `${height}px`;
    const pen = this.canvas.getContext("2d"), style = getComputedStyle(this.canvas);
    const ink = style.color, accent = style.getPropertyValue("--st-primary-color").trim() || "#b8127b";
    pen.scale(ratio, ratio);
    pen.font = `12px ${style.getPropertyValue("--st-font") || "sans-serif"}`;
    const inner = { w: width - EDGE.left - EDGE.right, h: height - EDGE.top - EDGE.bottom };
    const layers = this.shown.map((i) => this.layers[i]);
    const top = Math.ceil(Math.log2(Math.max(this.side, ...layers.map((l) => Math.max(...l.size)), 2)) + 0.1);
    const low = Math.min(0, ...layers.flatMap((l) => l.jump).filter((jump) => jump > 0).map((jump) => Math.floor(Math.log2(jump))));
    const x = (i) => EDGE.left + (layers.length > 1 ? i / (layers.length - 1) : 0.5) * inner.w;
    const y = (value) => EDGE.top + (1 - (Math.log2(value) - low) / (top - low)) * inner.h;
    this.xOf = x;
    const faint = `color-mix(in srgb, ${ink} 16%, transparent)`, quiet = `color-mix(in srgb, ${ink} 66%, transparent)`;
    const bar = Math.max(Math.min(inner.w / layers.length * 0.6, 22), 1.5);
    pen.fillStyle = faint;
    layers.forEach((l, i) => pen.fillRect(x(i) - bar / 2, EDGE.top + inner.h * (1 - l.share), bar, inner.h * l.share));
    pen.strokeStyle = faint; pen.lineWidth = 1; pen.fillStyle = quiet; pen.textBaseline = "middle";
    const every = top - low > 7 ? 2 : 1;
    for (let power = low; power <= top; power += every) {
      pen.beginPath(); pen.moveTo(EDGE.left, y(2 ** power)); pen.lineTo(width - EDGE.right, y(2 ** power)); pen.stroke();
      pen.textAlign = "right"; pen.fillText(power < 0 ? `1/${2 ** -power}` : String(2 ** power), EDGE.left - 7, y(2 ** power));
    }
    pen.textAlign = "left";
    for (const part of [0, 0.5, 1]) pen.fillText(`${100 * part} %`, width - EDGE.right + 7, EDGE.top + (1 - part) * inner.h);
    pen.setLineDash([5, 4]); pen.strokeStyle = quiet; pen.beginPath(); pen.moveTo(EDGE.left, y(this.side)); pen.lineTo(width - EDGE.right, y(this.side)); pen.stroke(); pen.setLineDash([]);
    pen.textAlign = "left"; pen.textBaseline = "bottom"; pen.fillText(fill(this.words.chart_side, { n: this.side }), EDGE.left + 4, y(this.side) - 2);
    this.line(pen, layers.map((l, i) => [x(i), l.jump[0] > 0 ? y(Math.max(...l.jump)) : null]), quiet, 1.6);
    this.line(pen, layers.map((l, i) => [x(i), y(Math.max(...l.size, 1))]), accent, 2.2);
    const at = this.shown.indexOf(this.place);
    if (at >= 0) {
      pen.fillStyle = accent; pen.beginPath(); pen.arc(x(at), y(Math.max(...layers[at].size, 1)), 5, 0, 7); pen.fill();
      pen.strokeStyle = accent; pen.lineWidth = 1; pen.beginPath(); pen.moveTo(x(at), EDGE.top); pen.lineTo(x(at), EDGE.top + inner.h); pen.stroke();
    }
    pen.fillStyle = quiet; pen.textBaseline = "alphabetic"; pen.textAlign = "center"; pen.fillText(this.words.chart_depth, EDGE.left + inner.w / 2, height - 4);
  }

  line(pen, points, colour, weight) {
    pen.strokeStyle = colour; pen.fillStyle = colour; pen.lineWidth = weight; pen.beginPath();
    let drawn = false;
    for (const [x, y] of points) { if (y === null) { drawn = false; continue; } if (drawn) pen.lineTo(x, y); else pen.moveTo(x, y); drawn = true; }
    pen.stroke();
    if (points.length <= 30) for (const [x, y] of points) if (y !== null) { pen.beginPath(); pen.arc(x, y, weight + 0.6, 0, 7); pen.fill(); }
  }

  clicked(event) {
    if (!this.xOf) return;
    const at = event.clientX - this.canvas.getBoundingClientRect().left;
    let best = 0;
    this.shown.forEach((_, i) => { if (Math.abs(this.xOf(i) - at) < Math.abs(this.xOf(best) - at)) best = i; });
    this.choose(this.shown[best]);
  }

  close() { this.observer.disconnect(); }
}
