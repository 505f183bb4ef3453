// A network layer by layer: maps, operation, output shape, parameters, multiply-adds; one layer is chosen.
import { make } from "../shared/dom.js";
import { costCell, operation, shapeText, totals } from "./layer_cells.js";
import { thumbCanvas } from "./thumb.js";

export class NetworkTable {
  constructor(words, choose) {
    this.words = words; this.choose = choose;
    this.body = make("tbody");
    this.foot = make("td", { colspan: "5" });
    const head = ["maps", "layer", "output", "parameters", "work"].map((name) => make("th", { class: name, title: words[`column_${name}_hint`] || null }, words[`column_${name}`]));
    this.scroll = make("div", { class: "layer-scroll", tabindex: "0", role: "group", "aria-label": words.layers_title, onkeydown: (event) => this.key(event) },
      make("table", {}, make("thead", {}, make("tr", {}, head)), this.body));
    this.sum = make("p", { class: "totals" });
    this.element = make("section", { class: "network-table" }, this.sum, this.scroll);
  }

  show(table, chosen) {
    if (table.id !== this.id) { this.id = table.id; this.build(table); }
    this.place = table.rows.findIndex((row) => row.name === chosen);
    [...this.body.children].forEach((line, i) => { line.classList.toggle("chosen", i === this.place); line.setAttribute("aria-selected", i === this.place); });
    const line = this.body.children[this.place], { scroll } = this;
    if (!line) return;
    const top = line.offsetTop - 30, end = line.offsetTop + line.offsetHeight;
    if (top < scroll.scrollTop) scroll.scrollTop = top; else if (end > scroll.scrollTop + scroll.clientHeight) scroll.scrollTop = end - scroll.clientHeight;
  }

  build({ rows, thumbs, parameters, multiply_adds }) {
    this.rows = rows;
    const most = { parameters: Math.max(...rows.map((row) => row.parameters)), work: Math.max(...rows.map((row) => row.multiply_adds)) };
    this.sum.textContent = totals(this.words, { parameters, multiply_adds });
    this.body.replaceChildren(...rows.map((row) => make("tr", { "data-layer": row.name, class: row.parameters ? "learned" : "plain", onclick: () => this.choose(row.name) },
      make("td", { class: "maps" }, thumbCanvas(row.thumb, thumbs, row.parameters || row.kind === "input" ? 34 : 22, 106)),
      make("td", { class: "layer" }, make("b", {}, row.name), make("small", {}, operation(row, this.words))),
      make("td", { class: "output" }, shapeText(row.shape)),
      costCell(row.parameters, most.parameters, "parameters"), costCell(row.multiply_adds, most.work, "work"))));
  }

  key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1, Home: -1e6, End: 1e6 }[event.key];
    if (!step || !this.rows) return;
    event.preventDefault();
    this.choose(this.rows[Math.min(Math.max(this.place + step, 0), this.rows.length - 1)].name);
  }
}
