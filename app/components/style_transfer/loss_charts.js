// Charts over the steps, on logarithmic axes: the weighted parts of J, and every layer's loss by the lectures' formulas.
import { make } from "../shared/dom.js";
import { shortNumber } from "../shared/numbers.js";

const WIDE = 400, TALL = 190, LEFT = 50, RIGHT = 10, TOP = 8, BOTTOM = 20, SVG = "http://www.w3.org/2000/svg";
const TONES = ["#2f7ed8", "#12a594", "#c08a00", "#d9480f", "#8e4ec6", "#5b6770", "#c2255c", "#2b8a3e"];

function part(tag, attributes, text) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

export function logRange(series) {                          // whole powers of ten around all values above 0
  let low = Infinity, high = -Infinity;
  for (const values of series) for (const value of values) if (value > 0 && Number.isFinite(value)) { low = Math.min(low, value); high = Math.max(high, value); }
  if (low > high) return [0, 1];
  const from = Math.max(Math.floor(Math.log10(low)), Math.ceil(Math.log10(high)) - 7), to = Math.ceil(Math.log10(high));
  return [from, Math.max(to, from + 1)];
}

export function linePath(steps, values, x, y) {             // gaps where there is no value above 0
  let out = "", pen = false;
  steps.forEach((step, i) => {
    const value = values[i];
    if (!(value > 0) || !Number.isFinite(value)) { pen = false; return; }
    out += `${pen ? "L" : "M"}${x(step).toFixed(1)} ${y(value).toFixed(1)}`;
    pen = true;
  });
  return out;
}

export function superscript(power) { return String(power).replace("-", "⁻").replace(/\d/g, (digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]); }

export function powerText(value) {                          // four digits, with a power of ten where it is needed
  const [digits, power] = value.toPrecision(4).split("e");
  return power === undefined ? digits : `${digits} · 10${superscript(Number(power))}`;
}

class LogChart {
  constructor(title, go) {
    this.svg = document.createElementNS(SVG, "svg");
    this.svg.setAttribute("class", "log-chart");
    this.legend = make("div", { class: "chart-legend" });
    this.element = make("section", { class: "chart" }, make("h2", {}, title), this.svg, this.legend);
    this.title = title;
    const point = (event) => {
      const box = this.svg.getBoundingClientRect(), share = ((event.clientX - box.left) / box.width * WIDE - LEFT) / (WIDE - LEFT - RIGHT);
      go(Math.max(1, Math.round(share * this.steps)));
    };
    this.svg.onpointermove = (event) => { if (event.buttons || event.pointerType === "mouse") point(event); };
    this.svg.onpointerdown = point;
    this.svg.onpointerleave = () => go(null);
  }

  draw(rows, steps, at, series) {                           // series: [{name, tone, dashed, values}]
    this.steps = steps;
    const [low, high] = logRange(series.map((one) => one.values)), numbers = rows.map((row) => row.step);
    const x = (step) => LEFT + (WIDE - LEFT - RIGHT) * step / steps;
    const y = (value) => TOP + (TALL - TOP - BOTTOM) * (high - Math.log10(value)) / (high - low);
    const clip = (value) => Math.min(y(value), TALL - BOTTOM);
    const parts = [];
    const every = Math.ceil((high - low) / 5);
    for (let power = low; power <= high; power += every) {
      parts.push(part("line", { class: "grid", x1: LEFT, x2: WIDE - RIGHT, y1: y(10 ** power), y2: y(10 ** power) }),
        part("text", { x: LEFT - 6, y: y(10 ** power) + 4, "text-anchor": "end" }, Math.abs(power) <= 3 ? String(Number((10 ** power).toPrecision(1))) : `10${superscript(power)}`));
    }
    for (const step of new Set([0, Math.round(steps / 2), steps])) parts.push(part("text", { x: x(step), y: TALL - 4, "text-anchor": step === steps ? "end" : "middle" }, step));
    rows.forEach((row, i) => { if (i && row.level !== rows[i - 1].level) parts.push(part("line", { class: "turn", x1: x(row.step), x2: x(row.step), y1: TOP, y2: TALL - BOTTOM })); });
    for (const one of series) parts.push(part("path", { d: linePath(numbers, one.values, x, clip), stroke: one.tone, class: one.dashed ? "line dashed" : "line" }));
    const place = numbers.indexOf(at);
    if (place >= 0) {
      parts.push(part("line", { class: "now", x1: x(at), x2: x(at), y1: TOP, y2: TALL - BOTTOM }));
      for (const one of series) if (one.values[place] > 0) parts.push(part("circle", { cx: x(at), cy: clip(one.values[place]), r: 3.2, fill: one.tone }));
    }
    this.svg.setAttribute("viewBox", `0 0 ${WIDE} ${TALL}`);
    this.svg.setAttribute("role", "img");
    this.svg.setAttribute("aria-label", this.title);
    this.svg.replaceChildren(...parts);
    this.legend.replaceChildren(...series.map((one) => make("span", { class: one.dashed ? "key dashed" : "key", style: `--tone: ${one.tone}` }, one.name,
      make("b", {}, place >= 0 && one.values[place] !== undefined ? this.short(one.values[place]) : ""))));
  }

  short(value) {
    if (value === 0 || (Math.abs(value) >= 0.01 && Math.abs(value) < 1e5)) return shortNumber(value);
    const [digits, power] = value.toExponential(1).split("e");
    return `${digits} · 10${superscript(Number(power))}`;
  }
}

export class LossCharts {
  constructor(root, words, go) {
    this.words = words;
    this.parts = new LogChart(words.chart_parts, go);
    this.content = new LogChart(words.chart_content, go);
    this.style = new LogChart(words.chart_style, go);
    root.replaceChildren(this.parts.element, this.content.element, this.style.element);
  }

  draw(rows, steps, at) {
    if (!rows.length) return;
    const weighted = [["J", "currentColor", (r) => r.loss], ["α · J_content", TONES[0], (r) => r.weights[0] * r.content],
      ["β · J_style", TONES[3], (r) => r.weights[1] * r.style], ["γ · TV", TONES[5], (r) => r.weights[2] * r.variation]];
    this.parts.draw(rows, steps, at, weighted.map(([name, tone, value]) => ({ name, tone, values: rows.map(value) })));
    for (const [chart, kind, first] of [[this.content, "content_layers", 0], [this.style, "style_layers", 1]]) {
      const names = [...new Set(rows.flatMap((row) => Object.keys(row[kind])))];
      chart.element.classList.toggle("cs-hidden", !names.length);
      chart.draw(rows, steps, at, names.map((name, i) => ({ name, tone: TONES[(first + i) % TONES.length], values: rows.map((row) => row[kind][name]) })));
    }
  }
}
