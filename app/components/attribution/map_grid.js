// All maps side by side: a row for each method, a column for each layer; below them the methods that have one map.
import { fill, make } from "../shared/dom.js";
import { shortNumber } from "../shared/numbers.js";
import { paintEntries } from "./heat.js";

class Cell {
  constructor(grid, map) {
    this.map = map; this.grid = grid;
    this.canvas = make("canvas", { "aria-hidden": "true" });
    this.note = make("span", { class: "note" });
    this.spot = make("i", { class: "spot cs-hidden" });
    this.element = make("button", { class: "cell", type: "button", "data-map": map.name, onclick: () => grid.hooks.choose(this.map),
      onpointermove: (event) => grid.hooks.point(...this.placeAt(event)), onpointerleave: () => grid.hooks.point(null) }, this.canvas, this.spot, this.note);
  }

  placeAt(event) {
    const box = this.canvas.getBoundingClientRect(), { height, width } = this.grid.state;
    return [Math.floor((event.clientY - box.top) / box.height * height), Math.floor((event.clientX - box.left) / box.width * width)];
  }

  show(map, state) {
    this.map = map;
    const { words } = state;
    this.element.style.aspectRatio = `${state.width} / ${state.height}`;
    this.element.style.setProperty("--photo", `url("${state.photo}")`);
    this.element.setAttribute("aria-pressed", String(map.name === state.chosen));
    this.element.setAttribute("aria-label", `${words[map.method]} ${map.layer || ""} ${map.warning ? words[`warning_${map.warning}`] : ""}`.trim());
    this.element.dataset.state = map.entries ? (map.layer || map.share === 1 ? "there" : "estimate") : map.busy ? "busy" : "missing";
    this.element.title = map.warning ? words[`warning_${map.warning}`] : "";
    this.rest = this.element.dataset.state === "estimate" ? fill(words[map.busy ? "cell_share" : "cell_stopped"], { percent: Math.round(100 * map.share) })
      : map.entries ? (map.warning ? "!" : map.areas ? fill(words.cell_areas, { deletion: map.areas[0].toFixed(2), insertion: map.areas[1].toFixed(2) }) : "")
      : map.busy ? words[map.queued ? "cell_queued" : "cell_busy"] : map.slow ? words.cell_make : words.cell_wait;
    this.note.textContent = this.rest;
  }

  paint(state) {
    const { canvas, map } = this;
    if (!map.entries) { canvas.width = canvas.height = 1; this.painted = null; return; }
    if (canvas.width !== state.width || canvas.height !== state.height) { canvas.width = state.width; canvas.height = state.height; this.image = null; }
    this.image ||= new ImageData(state.width, state.height);
    paintEntries(map.entries, state.colours(map.signed), new Uint32Array(this.image.data.buffer));
    canvas.getContext("2d").putImageData(this.image, 0, 0);
  }

  point(place) {                                         // the same pixel in every map, and its value here
    const { state } = this.grid, shown = place && this.map.data;
    this.spot.classList.toggle("cs-hidden", !shown);
    if (!shown) { this.note.textContent = this.rest; return; }
    const [y, x] = place;
    this.spot.style.left = `${(x + 0.5) / state.width * 100}%`;
    this.spot.style.top = `${(y + 0.5) / state.height * 100}%`;
    this.note.textContent = shortNumber(this.map.data[y * state.width + x] / (this.map.unit || 1));
  }
}

export class MapGrid {
  constructor(root, hooks) { this.root = root; this.hooks = hooks; this.cells = new Map(); this.built = ""; }

  // state: {layers, maps: Map(name → map), chosen, width, height, photo, words, colours(signed), cams: [method], single: [method]}
  show(state) {
    this.state = state;
    const shape = JSON.stringify([state.pending, state.layers.map((layer) => [layer.name, layer.grid]), state.cams, state.single, state.words.language]);
    if (shape !== this.built) { this.built = shape; this.build(); }
    for (const [name, cell] of this.cells) { cell.show(state.maps.get(name), state); cell.paint(state); }
  }

  build() {
    const { state } = this, { words, layers } = state;
    this.cells.clear();
    const cell = (name) => { const made = new Cell(this, state.maps.get(name)); this.cells.set(name, made); return made.element; };
    const heads = layers.map((layer, place) => make("div", { class: "column-head", title: layer.name },
      make("b", {}, layer.name), make("span", {}, `${layer.grid[0]} × ${layer.grid[1]}${place === 0 ? ` · ${words.suggested}` : ""}`)));
    const rows = layers.length ? state.cams.flatMap((method) => [make("div", { class: "row-head", title: words[`${method}_about`] }, words[method]),
      ...layers.map((layer) => cell(`${method}@${layer.name}`))]) : [];
    const table = make("div", { class: "cam-table", style: `--columns: ${Math.max(layers.length, 1)}` }, layers.length ? make("span") : null, heads, rows);
    const single = make("div", { class: "single-table" }, state.single.map((method) => make("figure", {},
      make("figcaption", { title: words[`${method}_about`] }, words[method]), cell(method))));
    this.root.replaceChildren(state.pending ? make("p", { class: "coming" }, words.cams_coming) : table, make("h3", {}, words.single_title), single);
  }

  repaint() { for (const cell of this.cells.values()) cell.paint(this.state); }
  point(place) { for (const cell of this.cells.values()) cell.point(place); }
}
