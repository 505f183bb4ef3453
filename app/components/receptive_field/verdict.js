// What is known about the unit or pixel that is pointed at, in words and numbers, and the heat's colour scale.
import { make, fill } from "../shared/dom.js";
import { SCALES, gradientCss } from "../shared/colours.js";
import { readableCount } from "../shared/numbers.js";
import { STATUS_IDS } from "./layer_table.js";

const percent = (part) => `${(100 * part).toFixed(part > 0.9995 && part < 0.999995 ? 3 : 1)} %`;   // 99.962 %, but 100.0 %

export class Verdict {
  constructor(root, words) {
    this.words = words;
    this.badge = make("span", { class: "badge" });
    this.sentence = make("span", { class: "sentence" });
    this.reason = make("p", { class: "reason" });
    this.bar = make("div", { class: "colour-bar", role: "img", "aria-label": words.legend_alt });
    this.bar.style.background = gradientCss(SCALES.magnitude);
    this.ends = make("div", { class: "ends" }, make("span", {}, "0"), make("span", {}, "1/4"), make("span", {}, words.legend_most));
    this.legend = make("div", { class: "heat-legend" }, make("small", {}, words.legend_title), this.bar, this.ends);
    this.facts = make("div", { class: "heat-facts" });
    this.heat = make("div", { class: "heat cs-hidden" }, this.facts, this.legend);
    root.replaceChildren(make("div", { class: "line" }, this.badge, this.sentence), this.reason, this.heat);
  }

  unit(layer, row, column, [x1, y1, x2, y2], [, height, width]) {
    const visible = Math.max(Math.min(x2, width) - Math.max(x1, 0), 0) * Math.max(Math.min(y2, height) - Math.max(y1, 0), 0);
    const area = (x2 - x1) * (y2 - y1), { words } = this;
    this.status(layer);
    this.sentence.textContent = fill(words.unit_sees, { row, column, w: x2 - x1, h: y2 - y1, x1, x2: x2 - 1, y1, y2: y2 - 1,
      outside: percent(area ? 1 - visible / area : 0) }).replaceAll("-", "−");
  }

  status(layer) {
    const id = STATUS_IDS[layer.status], { words } = this;
    this.badge.textContent = words[`status_${id}`];
    this.badge.className = `badge ${id}`;
    this.reason.textContent = fill(words[`status_${id}_why`], { cause: layer.cause });
  }

  pixel(layer, y, x, units) {
    const { words } = this;
    this.status(layer);
    this.reason.textContent = words.pixel_back;
    this.sentence.textContent = units
      ? fill(words.pixel_seen, { x, y, n: readableCount((units[2] - units[0]) * (units[3] - units[1])), rows: units[3] - units[1], columns: units[2] - units[0] })
      : fill(words.pixel_unseen, { x, y });
  }

  measured(heat, network, waiting, failed) {              // null: nothing is measured for what is shown
    const { words } = this;
    this.heat.classList.toggle("cs-hidden", !heat && !waiting && !failed);
    this.heat.classList.toggle("waiting", Boolean(waiting));
    this.legend.classList.toggle("cs-hidden", !heat);
    if (!heat && (waiting || failed)) this.facts.replaceChildren(make("p", {}, waiting ? words.measuring : words.no_heat));
    if (!heat) return;
    const fact = (label, value, hint) => make("div", { class: "fact", title: hint || null }, make("span", {}, label), make("b", {}, value));
    const source = fill(words[`drawn_${network.drawn}`], { n: heat.draws, seed: network.seed });
    if (heat.inside === null) { this.facts.replaceChildren(make("p", {}, words.dead_unit), make("small", {}, source)); return; }
    this.facts.replaceChildren(fact(words.inside, percent(heat.inside), words.inside_hint),
      fact(words.half, `${readableCount(heat.half)} px · ${percent(heat.half / heat.area)}`, words.half_hint),
      fact(words.most, `${readableCount(heat.most)} px · ${percent(heat.most / heat.area)}`, words.half_hint), make("small", {}, source));
  }
}
