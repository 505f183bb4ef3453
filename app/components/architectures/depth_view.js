// Signals and gradients of a plain and a residual network, layer by layer, and what is left of the picture on the way.
import { SCALES } from "../shared/colours.js";
import { make, fill } from "../shared/dom.js";

const EDGE = { left: 52, right: 12, top: 12, bottom: 26 }, KINDS = ["plain", "residual"];

export function powerText(value) {                        // 0.00031 → "3.1 · 10⁻⁴"
  if (value === 0) return "0";
  const power = Math.floor(Math.log10(value)), digits = [..."⁰¹²³⁴⁵⁶⁷⁸⁹"];
  if (power >= -2 && power <= 3) return String(Number(value.toPrecision(3)));
  const raised = [...String(Math.abs(power))].map((digit) => digits[Number(digit)]).join("");
  return `${(value / 10 ** power).toFixed(1)} · 10${power < 0 ? "⁻" : ""}${raised}`;
}

export class DepthView {
  constructor(words) {
    this.words = words; this.hovered = -1;
    this.charts = ["signal", "gradient"].map((name) => ({ name, canvas: make("canvas", { role: "img", onpointermove: (event) => this.moved(event), onpointerleave: () => { this.hovered = -1; this.draw(); } }) }));
    this.tiles = Object.fromEntries(KINDS.map((kind) => [kind, make("div", { class: "tiles" })]));
    this.readout = make("p", { class: "readout" });
    this.twins = make("p", { class: "totals" });
    const key = make("p", { class: "keys" }, KINDS.map((kind) => make("span", { class: `key ${kind}` }, words[`depth_${kind}`])));
    this.element = make("section", { class: "depth-view" }, make("p", { class: "verdict" }), key,
      make("div", { class: "charts" }, this.charts.map(({ name, canvas }) => make("figure", {}, make("figcaption", {}, words[`depth_${name}`]), canvas))), this.readout,
      make("div", { class: "strips" }, KINDS.map((kind) => make("div", { class: "strip" }, make("span", { class: "strip-name" }, words[`depth_${kind}`]), this.tiles[kind]))), this.twins);
    this.verdict = this.element.firstChild;
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this.element);
  }

  show(depth, tiles) {
    if (depth.id === this.depth?.id) { this.draw(); return; }
    this.depth = depth;
    const end = (kind, column) => depth.curves[kind].at(column === 1 ? -2 : 0)[column];
    this.verdict.textContent = fill(this.words.depth_says, { layers: depth.curves.plain.length, plain: powerText(end("plain", 1)), residual: powerText(end("residual", 1)), plain_gradient: powerText(end("plain", 2)), residual_gradient: powerText(end("residual", 2)) });
    const { twins } = depth, percent = (part) => (100 * part).toFixed(0);
    this.twins.textContent = twins ? fill(this.words.twins, { layers: twins.layers, residual: percent(twins.residual), plain: percent(twins.plain) }) : "";
    const { side } = depth, count = depth.layers.length;
    KINDS.forEach((kind, which) => this.tiles[kind].replaceChildren(...depth.layers.map((layer, i) => {
      const canvas = make("canvas", { width: side, height: side, role: "img", "aria-label": fill(this.words.tile_alt, { layer, kind: this.words[`depth_${kind}`] }) }), image = new ImageData(side, side), out = new Uint32Array(image.data.buffer), from = (which * count + i) * side * side;
      for (let p = 0; p < out.length; p++) out[p] = SCALES.magnitude[tiles[from + p]];
      canvas.getContext("2d").putImageData(image, 0, 0);
      return make("figure", {}, canvas, make("figcaption", {}, make("span", {}, fill(this.words.layer_number, { n: layer })), make("small", {}, `≤ ${powerText(depth.limits[kind][i])}`)));
    })));
    this.draw();
  }

  moved(event) {
    if (!this.xs) return;
    const at = event.clientX - event.currentTarget.getBoundingClientRect().left, count = this.depth.curves.plain.length;
    this.hovered = Math.min(Math.max(Math.round((at - EDGE.left) / this.xs * (count - 1)), 0), count - 1);
    this.draw();
  }

  draw() {
    if (!this.depth) return;
    this.charts.forEach(({ canvas }, i) => this.chart(canvas, i + 1));
    const { curves } = this.depth, at = this.hovered;
    const part = (column) => Object.fromEntries(KINDS.map((kind) => [`${kind}_${column}`, powerText(curves[kind][at][column])]));
    this.readout.textContent = at < 0 ? this.words.depth_hint : fill(this.words.depth_at, { layer: curves.plain[at][0], ...part(1), ...part(2) });
  }

  chart(canvas, column) {
    const width = canvas.clientWidth, height = 220, ratio = window.devicePixelRatio || 1, pen = canvas.getContext("2d");
    if (!width) return;
    canvas.width = width * ratio; canvas.height = height * ratio; canvas.style.height = `${height}px`;
    pen.scale(ratio, ratio);
    const style = getComputedStyle(canvas), ink = style.color, accent = style.getPropertyValue("--st-primary-color").trim();
    const quiet = `color-mix(in srgb, ${ink} 62%, transparent)`, faint = `color-mix(in srgb, ${ink} 14%, transparent)`;
    const all = KINDS.flatMap((kind) => this.depth.curves[kind].map((point) => point[column])).filter((value) => value > 0);
    const low = Math.max(Math.floor(Math.log10(Math.min(...all))), -40), high = Math.min(Math.max(Math.ceil(Math.log10(Math.max(...all))), low + 1), 39);
    const inner = { w: width - EDGE.left - EDGE.right, h: height - EDGE.top - EDGE.bottom }, count = this.depth.curves.plain.length;
    this.xs = inner.w;
    const x = (i) => EDGE.left + i / Math.max(count - 1, 1) * inner.w, y = (value) => EDGE.top + (1 - (Math.log10(Math.max(value, 10 ** low)) - low) / (high - low)) * inner.h;
    pen.font = `12px ${style.getPropertyValue("--st-font") || "sans-serif"}`; pen.textBaseline = "middle"; pen.textAlign = "right";
    const every = Math.max(1, Math.ceil((high - low) / 6));
    for (let power = low; power <= high; power += every) {
      pen.strokeStyle = faint; pen.beginPath(); pen.moveTo(EDGE.left, y(10 ** power)); pen.lineTo(width - EDGE.right, y(10 ** power)); pen.stroke();
      pen.fillStyle = quiet; pen.fillText(powerText(10 ** power).replace("1.0 · ", ""), EDGE.left - 7, y(10 ** power));
    }
    for (const kind of KINDS) {
      pen.strokeStyle = kind === "plain" ? quiet : accent; pen.lineWidth = 2.2; pen.setLineDash(kind === "plain" ? [6, 3] : []); pen.beginPath();
      this.depth.curves[kind].forEach((point, i) => (i ? pen.lineTo(x(i), y(point[column])) : pen.moveTo(x(i), y(point[column]))));
      pen.stroke();
    }
    pen.setLineDash([]);
    if (this.hovered >= 0) { pen.strokeStyle = accent; pen.lineWidth = 1; pen.beginPath(); pen.moveTo(x(this.hovered), EDGE.top); pen.lineTo(x(this.hovered), EDGE.top + inner.h); pen.stroke(); }
    pen.fillStyle = quiet; pen.textAlign = "center"; pen.textBaseline = "alphabetic"; pen.fillText(this.words.depth_axis, EDGE.left + inner.w / 2, height - 5);
  }

  close() { this.observer.disconnect(); }
}
