// A block as a diagram: every layer a card with its maps, shape and cost, its inputs as lines.
import { make } from "../shared/dom.js";
import { readableCount } from "../shared/numbers.js";
import { operation, shapeText } from "./layer_cells.js";
import { thumbCanvas } from "./thumb.js";

const LANE = 122, CARD = 104, SVG = "http://www.w3.org/2000/svg";

export class BlockDrawing {
  constructor(words, choose) {
    this.words = words; this.choose = choose;
    this.lines = document.createElementNS(SVG, "svg");
    this.lines.setAttribute("aria-hidden", "true");
    this.cards = make("div", { class: "cards" });
    this.inner = make("div", { class: "drawing-inner" }, this.lines, this.cards);
    this.element = make("div", { class: "drawing", role: "group", "aria-label": words.drawing_alt }, this.inner);
    this.observer = new ResizeObserver(() => this.layout());
    this.observer.observe(this.element);
  }

  show(table, chosen) {
    if (table.id !== this.id) { this.id = table.id; this.table = table; this.build(table); this.layout(); }
    for (const [name, card] of this.byName) { card.classList.toggle("chosen", name === chosen); card.setAttribute("aria-pressed", name === chosen); }
  }

  build({ rows, thumbs }) {
    const narrow = rows.reduce((most, row) => Math.max(most, row.column), 0) > 6;
    this.byName = new Map(rows.map((row) => [row.name, make("button", { class: "card", "data-layer": row.name, onclick: () => this.choose(row.name) },
      make("b", { title: row.name }, operation(row, this.words, true)),
      thumbCanvas(row.thumb, thumbs, 36, narrow ? 76 : 116),
      make("span", { class: "shape" }, shapeText(row.shape)),
      make("small", {}, row.parameters ? `${readableCount(row.parameters)} ${this.words.weights_short}` : "\u00a0"))]));
    this.cards.replaceChildren(...this.byName.values());
  }

  layout() {
    if (!this.table) return;
    const { rows } = this.table, last = Math.max(...rows.map((row) => row.column)), lanes = Math.max(...rows.map((row) => row.lane));
    const room = this.element.clientWidth;
    if (!room) return;
    const least = last > 6 ? 106 : 118, step = Math.max(least, Math.min(last < 4 ? 240 : 184, (room - 4) / (last + 1))), card = Math.min(step - 18, 142);
    const width = Math.max((last + 1) * step - 18, 60), height = (lanes + 1) * LANE;
    this.inner.style.width = `${width}px`; this.inner.style.height = `${height}px`;
    this.lines.setAttribute("viewBox", `0 0 ${width} ${height}`); this.lines.setAttribute("width", width); this.lines.setAttribute("height", height);
    const spot = new Map();
    for (const row of rows) {
      const x = row.column * step, y = row.lane * LANE + 4, box = this.byName.get(row.name);
      Object.assign(box.style, { left: `${x}px`, top: `${y}px`, width: `${card}px`, height: `${CARD}px` });
      spot.set(row.name, { x, y, ...row });
    }
    this.lines.replaceChildren(...rows.flatMap((row) => row.inputs.filter((name) => spot.has(name)).map((name) => this.line(spot.get(name), spot.get(row.name), card, rows))));
  }

  line(from, to, card, rows) {
    const path = document.createElementNS(SVG, "path"), startX = from.x + card, startY = from.y + CARD / 2, endX = to.x, endY = to.y + CARD / 2;
    const between = rows.some((row) => row.lane === from.lane && row.column > from.column && row.column < to.column) && from.lane === to.lane;
    let shape = `M${startX} ${startY} C${startX + 9} ${startY} ${endX - 9} ${endY} ${endX} ${endY}`;
    if (between) {                                        // a shortcut: under the cards it passes
      const low = from.y + CARD + 9, fromX = from.x + card / 2, toX = to.x + card / 2;
      shape = `M${fromX} ${from.y + CARD} C${fromX} ${low + 9} ${fromX + 20} ${low + 4} ${fromX + 30} ${low + 4} L${toX - 30} ${low + 4} C${toX - 20} ${low + 4} ${toX} ${low + 9} ${toX} ${to.y + CARD}`;
      path.setAttribute("class", "shortcut");
    }
    path.setAttribute("d", shape);
    return path;
  }

  close() { this.observer.disconnect(); }
}
