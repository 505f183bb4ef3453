// Three 3×3 filters against one 7×7: the same field, fewer weights, more bends.
import { make } from "../shared/dom.js";
import { rangeField } from "../shared/fields.js";
import { readableCount } from "../shared/numbers.js";

const RINGS = { three: [3, 5, 7], seven: [7] };

export class StackedFilters {
  constructor(root, words, change) {
    this.words = words; this.cells = {};
    this.channels = rangeField(words.compare_channels, 1, 1024, 1, (c) => { this.fillIn(c); change({ c }); });
    const columns = words.compared.map(({ id, pair, bends }) => this.column(id, pair, bends, change));
    root.replaceChildren(make("h3", {}, words.compare_title), make("p", { class: "quiet" }, words.compare_text), this.channels.element, make("div", { class: "compare-columns" }, columns));
  }

  column(id, pair, bends, change) {
    const { words } = this, canvas = make("canvas", { class: "rings", role: "img", "aria-label": words[`compare_${id}_alt`] });
    const total = make("b", { "data-total": id }), bar = make("i");
    this.cells[id] = { pair, total, bar, canvas };
    const row = (label, value) => make("div", { class: "fact" }, make("span", {}, label), value);
    return make("div", { class: "compare-column", "data-compare": id }, canvas, make("div", { class: "compare-facts" }, make("strong", {}, words[`preset_${id}`]),
      row(words.compare_field, make("b", {}, "7 × 7")), row(words.compare_pair, make("b", {}, String(pair))),
      row(`${words.compare_weights} ${pair} C²`, total), make("div", { class: "weight-bar" }, bar), row(words.compare_bends, make("b", {}, String(bends))),
      make("button", { class: "cs-button", onclick: () => change({ net: "stack", stack: words.presets[id], layer: "", row: -1, column: -1 }) }, words.compare_show)));
  }

  show(c) { this.channels.set(c); this.fillIn(c); this.draw(); }

  fillIn(c) {
    const most = Math.max(...Object.values(this.cells).map(({ pair }) => pair));
    for (const { pair, total, bar } of Object.values(this.cells)) { total.textContent = readableCount(pair * c * c); bar.style.width = `${100 * pair / most}%`; }
  }

  draw() {
    for (const [id, { canvas }] of Object.entries(this.cells)) {
      const side = 126, ratio = window.devicePixelRatio || 1, pen = canvas.getContext("2d"), cell = side / 7, style = getComputedStyle(canvas);
      canvas.width = canvas.height = side * ratio;
      pen.setTransform(ratio, 0, 0, ratio, 0, 0);
      pen.clearRect(0, 0, side, side);
      const accent = style.getPropertyValue("--st-primary-color").trim() || "#b8127b", edge = `color-mix(in srgb, ${style.color} 25%, transparent)`;
      [...RINGS[id]].reverse().forEach((ring) => {
        const from = (7 - ring) / 2 * cell;
        pen.fillStyle = `color-mix(in srgb, ${accent} ${16 + 3.4 * (7 - ring)}%, transparent)`; pen.fillRect(from, from, ring * cell, ring * cell);
      });
      pen.strokeStyle = edge; pen.lineWidth = 1; pen.beginPath();
      for (let i = 0; i <= 7; i++) { const at = Math.min(Math.max(i * cell, 0.5), side - 0.5); pen.moveTo(at, 0); pen.lineTo(at, side); pen.moveTo(0, at); pen.lineTo(side, at); }
      pen.stroke();
      pen.strokeStyle = accent; pen.lineWidth = 2;
      for (const ring of RINGS[id]) { const from = (7 - ring) / 2 * cell; pen.strokeRect(Math.max(from, 1), Math.max(from, 1), Math.min(ring * cell, side - 2), Math.min(ring * cell, side - 2)); }
      pen.fillStyle = accent; pen.fillRect(3.3 * cell, 3.3 * cell, 0.4 * cell, 0.4 * cell);
    }
  }
}
