// A small map for each class: how likely it is at each place, from dark (0) to bright (1). One click shows it large.
import { make, fill } from "../shared/dom.js";
import { SCALES } from "../shared/colours.js";

export class ClassMaps {
  constructor(root, words, choose) {
    Object.assign(this, { root, words, choose });
    this.grid = make("div", { class: "map-grid" });
    root.replaceChildren(make("h3", {}, words.maps_title), make("p", { class: "quiet" }, words.maps_hint), this.grid);
  }

  build(network) {
    this.tiles = null;
    this.cards = network.classes.map((name, label) => {
      const canvas = make("canvas", { "aria-hidden": "true" });
      const button = make("button", { class: "map-card", type: "button", "data-map": label, "aria-label": fill(this.words.map_of, { name }), onclick: () => this.choose(label) },
        canvas, make("span", {}, make("i", { class: "swatch", style: `background: rgb(${network.colours[label].join(" ")})` }), name));
      return { button, canvas };
    });
    this.grid.replaceChildren(...this.cards.map(({ button }) => button));
  }

  show(tiles, settings) {                                 // tiles: uint8 (K, h, w), 255 is certain
    this.cards.forEach(({ button }, label) => button.setAttribute("aria-pressed", String(settings.view === "map" && settings.cls === label)));
    if (tiles === this.tiles) return;
    this.tiles = tiles;
    const [, rows, columns] = tiles.shape, size = rows * columns;
    this.cards.forEach(({ canvas }, label) => {
      canvas.width = columns; canvas.height = rows;
      const image = new ImageData(columns, rows), out = new Uint32Array(image.data.buffer);
      for (let i = 0; i < size; i++) out[i] = SCALES.magnitude[tiles.data[label * size + i]];
      canvas.getContext("2d").putImageData(image, 0, 0);
    });
  }
}
