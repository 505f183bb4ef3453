// Fully connected, locally connected, convolution: which weight joins what, and how many weights that takes.
import { fill, make } from "../shared/dom.js";
import { SCALES, cssColour } from "../shared/colours.js";
import { connectionCounts, connectionsOf } from "./counts.js";

const KINDS = ["fully_connected", "locally_connected", "convolution"], NODE = 7, MARGIN_X = 26, MARGIN_Y = 16;

export class WeightsView {
  constructor(root, words, change) {
    this.root = root; this.words = words; this.hovered = null;
    this.panels = KINDS.map((kind) => this.panel(kind));
    this.rows = KINDS.map((kind) => { const bar = make("i"), number = make("b", { "data-count": kind }), power = make("span", { class: "power" }); return { kind, bar, number, power, element: make("div", { class: "count-row" }, make("span", {}, words[`kind_${kind}`]), number, power, make("div", { class: "bar" }, bar)) }; });
    this.formula = make("p", { class: "quiet" });
    const preset = (label, values) => make("button", { class: "cs-button", onclick: () => change(values) }, label);
    root.replaceChildren(make("div", { class: "drawings" }, this.panels.map(({ element }) => element)), make("p", { class: "sentence" }), make("h3", {}, words.counts_title), make("div", { class: "counts" }, this.rows.map(({ element }) => element)), this.formula,
      make("div", { class: "presets" }, preset(words.preset_large, { height: 1000, width: 1000, channels: 1, hidden: 10000 }), preset(words.preset_small, { height: 100, width: 100, channels: 1, hidden: 1000 }), preset(words.preset_colour, { height: 224, width: 224, channels: 3, hidden: 4096, f: 3, filters: 64 })));
    this.observer = new ResizeObserver(() => this.settings && this.draw());
    this.observer.observe(root);
  }

  panel(kind) {
    const canvas = make("canvas", { class: "drawing", role: "img" }), caption = make("span", { class: "quiet" });
    canvas.addEventListener("pointermove", (event) => { this.hovered = { kind, ...this.nearest(kind, event) }; this.draw(); });
    canvas.addEventListener("pointerleave", () => { this.hovered = null; this.draw(); });
    return { kind, canvas, caption, element: make("figure", { class: "view", "data-view": kind }, make("figcaption", { class: "title" }, make("span", { class: "name" }, this.words[`kind_${kind}`]), caption), canvas) };
  }

  show(settings) {
    this.settings = settings;
    const { n, k } = settings;
    this.tables = Object.fromEntries(KINDS.map((kind) => [kind, connectionsOf(kind, n, k)]));
    for (const { kind, caption, canvas } of this.panels) {
      const used = this.tables[kind].flat().filter((weight) => weight >= 0), weights = new Set(used).size;
      caption.textContent = fill(this.words.weights_of, { weights, connections: used.length });
      canvas.setAttribute("aria-label", `${this.words[`kind_${kind}`]}: ${caption.textContent}`);
    }
    this.showCounts();
    this.draw();
  }

  showCounts() {
    const { words, settings } = this, counts = connectionCounts(settings), values = { fully_connected: counts.fully, locally_connected: counts.locally, convolution: counts.all };
    const most = Math.log10(Math.max(...Object.values(values), 10));
    for (const { kind, bar, number, power } of this.rows) {
      number.textContent = values[kind].toLocaleString("en-US");
      power.textContent = powerOfTen(values[kind]);
      bar.style.width = `${100 * Math.log10(Math.max(values[kind], 1)) / most}%`;
    }
    this.formula.textContent = fill(words.count_formula, { ...settings, inputs: counts.inputs.toLocaleString("en-US"), one: counts.convolution.toLocaleString("en-US"), full: counts.fully.toLocaleString("en-US") });
  }

  colourOf(kind, weight) {
    const { n, k } = this.settings, count = kind === "fully_connected" ? n * (n - k + 1) : kind === "locally_connected" ? k * (n - k + 1) : k;
    return cssColour(SCALES.wheel, Math.round(weight * 233 / Math.max(count, 1)));   // the wheel closes: its last part is left out
  }

  places(canvas) {
    const { n, k } = this.settings, outputs = n - k + 1, width = canvas.clientWidth, height = canvas.clientHeight, inner = height - 2 * MARGIN_Y;
    const y = (index, count) => MARGIN_Y + (count > 1 ? index / (count - 1) : 0.5) * inner, squeeze = (outputs - 1) / Math.max(n - 1, 1);
    return { input: (i) => [MARGIN_X, y(i, n)], output: (o) => [width - MARGIN_X, height / 2 + (y(o, outputs) - height / 2) * (outputs > 1 ? squeeze : 1)], outputs };
  }

  nearest(kind, event) {                                  // an input, an output, or the connection that the pointer is on
    const { canvas } = this.panels.find((panel) => panel.kind === kind), box = canvas.getBoundingClientRect(), at = [event.clientX - box.left, event.clientY - box.top], { input, output, outputs } = this.places(canvas);
    const distance = ([x, y]) => Math.hypot(x - at[0], y - at[1]), best = (count, place) => Array.from({ length: count }, (_, i) => [distance(place(i)), i]).sort((a, b) => a[0] - b[0])[0];
    const [toOutput, o] = best(outputs, output), [toInput, i] = best(this.settings.n, input);
    if (toOutput < 34 && toOutput <= toInput) return { output: o };
    if (toInput < 34) return { input: i };
    let found = { far: 9 };
    this.tables[kind].forEach((row, oo) => row.forEach((weight, ii) => {
      if (weight < 0) return;
      const [x1, y1] = input(ii), [x2, y2] = output(oo), part = (at[0] - x1) / (x2 - x1), far = Math.abs(y1 + part * (y2 - y1) - at[1]);
      if (far < found.far) found = { far, weight };
    }));
    return found.weight === undefined ? {} : { weight: found.weight };
  }

  draw() {
    for (const panel of this.panels) this.drawPanel(panel);
    this.root.querySelector(".sentence").textContent = this.told();
  }

  drawPanel({ kind, canvas }) {
    const width = canvas.clientWidth, height = canvas.clientHeight, ratio = window.devicePixelRatio || 1;
    if (!width) return;
    canvas.width = width * ratio; canvas.height = height * ratio;
    const pen = canvas.getContext("2d"), style = getComputedStyle(canvas), accent = style.getPropertyValue("--st-primary-color").trim() || "#b8127b", { input, output, outputs } = this.places(canvas);
    pen.scale(ratio, ratio);
    const hovered = this.hovered || {}, table = this.tables[kind], nothing = hovered.input === undefined && hovered.output === undefined && (hovered.weight === undefined || hovered.kind !== kind);
    const lit = (o, i, weight) => (hovered.output !== undefined ? o === hovered.output : hovered.input !== undefined ? i === hovered.input : hovered.kind === kind && weight === hovered.weight);
    for (const pass of [false, true]) {
      table.forEach((row, o) => row.forEach((weight, i) => {
        if (weight < 0 || (!nothing && lit(o, i, weight)) !== pass) return;
        pen.globalAlpha = nothing ? (kind === "fully_connected" ? 0.6 : 0.9) : pass ? 1 : 0.12;
        pen.strokeStyle = this.colourOf(kind, weight); pen.lineWidth = pass ? 3 : kind === "fully_connected" ? 1.1 : 2;
        pen.beginPath(); pen.moveTo(...input(i)); pen.lineTo(...output(o)); pen.stroke();
      }));
    }
    pen.globalAlpha = 1;
    const node = ([x, y], on) => { pen.beginPath(); pen.arc(x, y, NODE, 0, 7); pen.fillStyle = on ? accent : style.color; pen.fill(); };
    for (let i = 0; i < this.settings.n; i++) node(input(i), hovered.input === i || (hovered.output !== undefined && table[hovered.output]?.[i] >= 0));
    for (let o = 0; o < outputs; o++) node(output(o), hovered.output === o || (hovered.input !== undefined && table[o][hovered.input] >= 0));
  }

  told() {
    const { words, hovered, settings: { n, k } } = this, outputs = n - k + 1;
    if (!hovered) return words.point_connections;
    if (hovered.output !== undefined) return fill(words.told_output, { output: hovered.output, all: n, k });
    if (hovered.input !== undefined) return fill(words.told_input, { input: hovered.input, all: outputs, few: this.tables.convolution.filter((row) => row[hovered.input] >= 0).length });
    if (hovered.weight !== undefined) { const uses = this.tables[hovered.kind].flat().filter((weight) => weight === hovered.weight).length; return fill(words[uses > 1 ? "told_shared" : "told_single"], { weight: hovered.weight, uses }); }
    return words.point_connections;
  }

  close() { this.observer.disconnect(); }
}

function powerOfTen(value) {                              // 10¹⁰ where it is one, else ≈ 1.2 · 10⁷
  const power = Math.floor(Math.log10(Math.max(value, 1))), part = value / 10 ** power, raised = [...String(power)].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]).join("");
  if (power < 4) return "";
  return part === 1 ? `= 10${raised}` : `≈ ${part.toFixed(1)} · 10${raised}`;
}
