// What both ways cost, what they say of one window, and which layers were replaced.
import { fill, make } from "../shared/dom.js";

function work(value) { return value >= 1e9 ? `${(value / 1e9).toFixed(2)} G` : value >= 1e6 ? `${(value / 1e6).toFixed(1)} M` : `${(value / 1e3).toFixed(0)} k`; }
function duration(seconds) { return seconds >= 1 ? `${seconds.toFixed(2)} s` : `${(seconds * 1000).toFixed(seconds >= 0.01 ? 0 : 1)} ms`; }

export class CostPanel {
  constructor(root, words) {
    this.words = words;
    const parts = ["work", "time"].map((name) => {
      const crop = this.line(words.cost_crops), once = this.line(words.cost_once, "once"), less = make("p", { class: "less" });
      this[name] = { crop, once, less };
      return make("div", { class: "cost", "data-cost": name }, make("h3", {}, words[`cost_${name}`]), crop.element, once.element, less);
    });
    root.replaceChildren(...parts, make("p", { class: "quiet" }, words.cost_hint));
  }

  line(label, kind = "") {
    const bar = make("i"), value = make("output");
    return { bar, value, element: make("div", { class: `line ${kind}` }, make("span", {}, label), make("div", { class: "track" }, bar), value) };
  }

  show(pass, comparison) {
    this.draw("work", pass.crop_multiply_adds * comparison.count, pass.multiply_adds, work, true);
    const full = comparison.arrived ? comparison.seconds / comparison.arrived * comparison.rows : 0;
    this.draw("time", full, pass.seconds, duration, comparison.complete);
  }

  draw(name, crops, once, text, sure) {
    const { crop, once: single, less } = this[name], most = Math.max(crops, once) || 1, { words } = this;
    crop.bar.style.width = `${crops / most * 100}%`; single.bar.style.width = `${once / most * 100}%`;
    crop.value.textContent = crops ? `${sure ? "" : "≈ "}${text(crops)}` : "…"; single.value.textContent = text(once);
    const ratio = crops >= once ? crops / once : once / crops;
    less.replaceChildren(...(crops ? [make("b", {}, ratio.toFixed(ratio >= 10 ? 0 : 1)), ` ${words[crops >= once ? "times_less" : `times_more_${name}`]}`] : []));
  }
}

export class ClassTable {
  constructor(root, words) { this.root = root; this.words = words; }

  show(comparison, categories, at, label) {
    const { words } = this, once = comparison.onceHeat[at], crop = comparison.cropHeat[at], { count } = comparison;
    const order = Array.from(once, (_, k) => k).sort((a, b) => once[b] - once[a]).slice(0, 6);
    if (!order.includes(label)) order[order.length - 1] = label;
    const meter = (value) => { const bar = make("i"); bar.style.width = `${value * 100}%`; return make("div", { class: "meter" }, make("div", {}, bar), value.toFixed(3)); };
    const row = (k) => make("tr", {}, make("td", {}, k === label ? make("b", {}, categories[k]) : categories[k]), make("td", {}, crop ? meter(crop[k]) : "…"), make("td", {}, meter(once[k])),
      make("td", {}, crop ? Math.abs(comparison.crops[k * count + at] - comparison.once[k * count + at]).toExponential(1) : "…"));
    const place = { row: Math.floor(at / comparison.columns), column: at % comparison.columns };
    this.root.replaceChildren(make("h3", {}, fill(words.window_title, place)), make("table", {}, make("thead", {}, make("tr", {}, ...[words.column_class, words.column_crop, words.column_once, words.column_difference].map((text) => make("th", { scope: "col" }, text)))), make("tbody", {}, order.map(row))));
  }
}

export function showLayers(root, words, layers) {
  root.replaceChildren(make("h3", {}, words.layers_title), make("table", {}, make("thead", {}, make("tr", {}, ...[words.column_layer, words.column_was, words.column_became].map((text) => make("th", { scope: "col" }, text)))),
    make("tbody", {}, layers.map(({ name, was, became }) => make("tr", {}, make("td", {}, name), make("td", {}, was), make("td", {}, became))))));
}
