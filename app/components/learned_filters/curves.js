// Every weight over the steps, with the target's as a dashed line; below it the loss and the largest difference, by powers of ten.
import { make } from "../shared/dom.js";
import { SCALES, cssColour, signedEntry } from "../shared/colours.js";
import { plainNumber } from "../shared/numbers.js";

const CURVE_LEFT = 46, CURVE_RIGHT = 14, CURVE_TOP = 8, BETWEEN = 26, CURVE_BOTTOM = 22;

export function curveColour(value, limit) {               // the signed scale's colour, never so pale that a line is lost
  const entry = signedEntry(value, limit), strong = entry > 128 ? Math.min(Math.max(entry, 192), 222) : Math.max(Math.min(entry, 64), 34);
  return Math.abs(value) < 0.05 * limit ? null : cssColour(SCALES.signed, strong);
}

export class Curves {
  constructor(root, words, go) {
    this.words = words; this.go = go; this.pointed = -1;
    this.canvas = make("canvas", { class: "curves", role: "img" });
    const key = (name, text) => make("span", { class: `key ${name}` }, text);
    root.replaceChildren(make("div", { class: "curve-keys" }, key("weight", words.curve_weights), key("wanted", words.curve_wanted), key("loss", words.curve_loss), key("error", words.curve_error)), this.canvas);
    const scrub = (event) => { if (event.buttons) this.go(this.stepAt(event)); };
    this.canvas.addEventListener("pointerdown", (event) => { this.canvas.setPointerCapture(event.pointerId); scrub(event); });
    this.canvas.addEventListener("pointermove", scrub);
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(root);
  }

  show(learning, at) {
    Object.assign(this, { learning, at });
    this.canvas.setAttribute("aria-label", `${this.words.curve_weights}. ${this.words.curve_loss}: ${plainNumber(learning.losses[at], 6)}`);
    this.draw();
  }

  get span() {                                            // steps that the axis shows
    const { last } = this.learning;
    for (const span of [100, 200, 400, 800, 1600, 3000]) if (last <= span) return span;
    return last;
  }

  stepAt(event) {
    const box = this.canvas.getBoundingClientRect();
    const part = (event.clientX - box.left - CURVE_LEFT) / (box.width - CURVE_LEFT - CURVE_RIGHT);
    return Math.round(Math.min(Math.max(part, 0), 1) * this.span);
  }

  draw() {
    const width = this.canvas.clientWidth, height = this.canvas.clientHeight, ratio = window.devicePixelRatio || 1;
    if (!width || !this.learning) return;
    this.canvas.width = width * ratio; this.canvas.height = height * ratio;
    const pen = this.canvas.getContext("2d"), style = getComputedStyle(this.canvas), { learning, span, at } = this;
    pen.scale(ratio, ratio);
    pen.font = `12px ${style.getPropertyValue("--st-font") || "sans-serif"}`;
    this.ink = style.color; this.accent = style.getPropertyValue("--st-primary-color").trim() || "#b8127b";
    this.faint = `color-mix(in srgb, ${this.ink} 15%, transparent)`; this.quiet = `color-mix(in srgb, ${this.ink} 66%, transparent)`;
    const inner = width - CURVE_LEFT - CURVE_RIGHT, x = (step) => CURVE_LEFT + step / span * inner;
    const split = CURVE_TOP + (height - CURVE_TOP - BETWEEN - CURVE_BOTTOM) * 0.62;
    const every = Math.max(1, Math.floor(learning.last / inner)), steps = [];
    for (let step = 0; step <= learning.last; step += every) steps.push(step);
    if (steps.at(-1) !== learning.last) steps.push(learning.last);
    for (const phase of learning.phases.slice(1)) this.rule(pen, x(phase.start), CURVE_TOP, height - CURVE_BOTTOM, [2, 4]);
    this.drawWeights(pen, x, steps, CURVE_TOP, split, width);
    this.drawLosses(pen, x, steps, split + BETWEEN, height - CURVE_BOTTOM, width);
    pen.strokeStyle = this.accent; pen.lineWidth = 1.5; pen.setLineDash([]);
    pen.beginPath(); pen.moveTo(x(at), CURVE_TOP); pen.lineTo(x(at), height - CURVE_BOTTOM); pen.stroke();
    pen.fillStyle = this.quiet; pen.textBaseline = "alphabetic"; pen.textAlign = "center";
    for (const part of [0, 0.25, 0.5, 0.75, 1]) pen.fillText(String(Math.round(part * span)), x(part * span), height - 5);
  }

  rule(pen, x, top, bottom, dash) {
    pen.strokeStyle = this.quiet; pen.lineWidth = 1; pen.setLineDash(dash); pen.beginPath(); pen.moveTo(x, top); pen.lineTo(x, bottom); pen.stroke(); pen.setLineDash([]);
  }

  axis(pen, ticks, y, width, text) {
    pen.fillStyle = this.quiet; pen.strokeStyle = this.faint; pen.lineWidth = 1; pen.textAlign = "right"; pen.textBaseline = "middle";
    for (const tick of ticks) { pen.beginPath(); pen.moveTo(CURVE_LEFT, y(tick)); pen.lineTo(width - CURVE_RIGHT, y(tick)); pen.stroke(); pen.fillText(text(tick), CURVE_LEFT - 6, y(tick)); }
  }

  drawWeights(pen, x, steps, top, bottom, width) {
    const { target, start } = this.learning.problem, all = [...target, ...start], limit = Math.max(...target.map(Math.abs));
    const low = Math.min(...all), high = Math.max(...all), margin = (high - low || 1) * 0.12;
    const y = (value) => bottom - (Math.min(Math.max(value, low - margin), high + margin) - low + margin) / (high - low + 2 * margin) * (bottom - top);
    const unit = 10 ** Math.floor(Math.log10((high - low) / 2 || 1)), ticks = [];
    for (let tick = Math.ceil(low / unit) * unit; tick <= high + 1e-9; tick += unit) ticks.push(Number(tick.toFixed(6)));
    this.axis(pen, ticks.length > 9 ? ticks.filter((tick) => Math.round(tick / unit) % 5 === 0) : ticks, y, width, (tick) => plainNumber(tick, 3));
    for (let i = 0; i < target.length; i++) {
      const colour = curveColour(target[i], limit) || this.quiet, chosen = this.pointed === i;
      pen.globalAlpha = this.pointed < 0 || chosen ? 1 : 0.18;
      pen.strokeStyle = colour; pen.lineWidth = 1; pen.setLineDash([5, 4]); pen.beginPath(); pen.moveTo(x(0), y(target[i])); pen.lineTo(width - CURVE_RIGHT, y(target[i])); pen.stroke();
      pen.setLineDash([]); pen.lineWidth = chosen ? 3 : 1.8; pen.beginPath();
      steps.forEach((step, place) => { const height = y(this.learning.weights[step][i]); if (place) pen.lineTo(x(step), height); else pen.moveTo(x(step), height); });
      pen.stroke();
      pen.fillStyle = colour; pen.beginPath(); pen.arc(x(this.at), y(this.learning.weights[this.at][i]), 2.8, 0, 7); pen.fill();
    }
    pen.globalAlpha = 1;
  }

  drawLosses(pen, x, steps, top, bottom, width) {
    const { losses, errors } = this.learning, high = 2, low = -8;
    const y = (value) => top + (high - Math.min(Math.max(Math.log10(Math.max(value, 1e-12)), low), high)) / (high - low) * (bottom - top);
    this.axis(pen, [100, 1, 1e-2, 1e-4, 1e-6, 1e-8], y, width, (tick) => ({ 100: "100", 1: "1", 0.01: "0.01", 0.0001: "10⁻⁴", 0.000001: "10⁻⁶", 0.00000001: "10⁻⁸" })[tick]);
    for (const [values, colour, dash] of [[losses, this.ink, []], [errors, this.quiet, [4, 3]]]) {
      pen.strokeStyle = colour; pen.lineWidth = 1.8; pen.setLineDash(dash); pen.beginPath();
      steps.forEach((step, place) => { if (place) pen.lineTo(x(step), y(values[step])); else pen.moveTo(x(step), y(values[step])); });
      pen.stroke(); pen.setLineDash([]);
    }
  }

  close() { this.observer.disconnect(); }
}
