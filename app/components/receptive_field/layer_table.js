// Every layer with its map, size, jump, start and padding; one is chosen. With a pixel pinned: how many units see it.
import { make } from "../shared/dom.js";
import { plainNumber } from "../shared/numbers.js";

const pair = ([a, b]) => (a === b ? plainNumber(a) : `${plainNumber(a)} × ${plainNumber(b)}`);
export const STATUS_IDS = { exact: "exact", "whole image": "whole", "upper bound": "bound", "data-dependent": "data" };

export class LayerTable {
  constructor(root, words, choose) {
    this.words = words; this.choose = choose;
    this.body = make("tbody");
    this.sees = make("th", { class: "sees" }, words.column_sees);
    const head = ["layer", "map", "size", "jump", "start", "padding"].map((name) => make("th", { title: words[`column_${name}_hint`] }, words[`column_${name}`]));
    this.box = make("div", { class: "layer-scroll", tabindex: "0", role: "group", "aria-label": words.layers_title },
      make("table", {}, make("thead", {}, make("tr", {}, head, this.sees)), this.body));
    this.box.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1, Home: -1e6, End: 1e6 }[event.key];
      if (!step || !this.listed) return;
      event.preventDefault();
      const at = Math.min(Math.max(this.listed.indexOf(this.place) + step, 0), this.listed.length - 1);
      this.choose(this.listed[at]);
    });
    root.replaceChildren(make("h3", {}, words.layers_title), this.box);
  }

  show(layers, listed, place, network) {
    const key = `${network}:${listed.join()}`;
    if (key !== this.key) { this.key = key; this.listed = listed; this.build(layers); }
    if (place === this.place && this.built === key) return;
    this.place = place; this.built = key;
    for (const [i, row] of this.rows) { row.classList.toggle("chosen", i === place); row.setAttribute("aria-selected", i === place); }
    const row = this.rows.get(place);
    if (row) {
      const { box } = this, top = row.offsetTop - box.querySelector("thead").offsetHeight, end = row.offsetTop + row.offsetHeight;
      if (top < box.scrollTop) box.scrollTop = top; else if (end > box.scrollTop + box.clientHeight) box.scrollTop = end - box.clientHeight;
    }
  }

  build(layers) {
    this.rows = new Map();
    this.body.replaceChildren(...this.listed.map((i) => {
      const layer = layers[i], status = STATUS_IDS[layer.status];
      const row = make("tr", { onclick: () => this.choose(i) },
        make("td", { title: `${layer.name} · ${layer.kind} · ${this.words[`status_${status}`]}` }, make("i", { class: `dot ${status}` }), make("span", { class: "layer-name" }, layer.name), make("small", {}, layer.kind)),
        make("td", {}, layer.shape.length === 4 ? `${layer.grid[0]} × ${layer.grid[1]}` : "1"),
        make("td", {}, pair(layer.size)), make("td", {}, layer.jump[0] || layer.jump[1] ? pair(layer.jump) : "–"), make("td", {}, pair(layer.start)),
        make("td", {}, `${(100 * layer.share).toFixed(1)} %`), make("td", { class: "sees" }));
      this.rows.set(i, row);
      return row;
    }));
  }

  showSeeing(units) {                                     // units(place) → [c1, r1, c2, r2] or null; or null: no pixel
    this.box.classList.toggle("reverse", Boolean(units));
    if (!units || !this.rows) return;
    for (const [i, row] of this.rows) {
      const found = units(i);
      row.lastChild.textContent = found ? `${found[3] - found[1]} × ${found[2] - found[0]}` : "0";
    }
  }
}
