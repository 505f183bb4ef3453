// The block that was clicked: all of its channels, and one of them in full with its exact values.
import { make, fill } from "../shared/dom.js";
import { paintMap } from "../shared/colours.js";
import { Legend } from "../shared/legend.js";
import { plainNumber, shortNumber } from "../shared/numbers.js";
import { Plane } from "../shared/plane.js";
import { Viewport } from "../shared/viewport.js";
import { TileMosaic } from "../shared/tile_mosaic.js";

export class BlockView {
  constructor(root, words, change) {
    this.words = words;
    this.viewport = new Viewport(() => this.plane.draw());
    this.plane = new Plane(this.viewport, { takesWheel: () => this.viewport.zoom > 1, hover: (_, row, column) => this.point(row, column), leave: () => this.point(-1, -1), press: () => this.viewport.zoomBy(this.viewport.zoom > 1 ? 1e-9 : 4, ...this.last) });
    this.last = [0, 0];
    this.title = make("h3"); this.text = make("p", { class: "quiet" });
    this.mosaic = new TileMosaic(words.channels, (channel) => change({ channel }));
    this.name = make("span", { class: "name" }); this.readout = make("span", { class: "readout" });
    this.legend = new Legend();
    root.replaceChildren(this.title, this.text, this.mosaic.element,
      make("figure", { class: "channel" }, make("figcaption", {}, this.name, this.readout), this.plane.frame, this.legend.element));
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(root);
  }

  show({ network, tiles, channel }) {
    const { words } = this, [arm, depth] = tiles.name.split("."), [count, rows, columns] = tiles.shape;
    this.title.textContent = fill(words[`block_${arm}`], { n: Number(depth || 0) + 1 });
    this.text.textContent = fill(words[`about_${arm}`], { channels: count, height: rows, width: columns })
      + (tiles.silent ? ` ${fill(words.silent, { n: tiles.silent })}` : "");
    const nameOf = (index) => (arm === "logits" ? network.classes[index] : fill(words.channel, { n: index }));
    this.mosaic.nameOf = nameOf;
    this.mosaic.show(tiles.tiles, tiles.signed, channel.index);
    this.name.textContent = nameOf(channel.index);
    if (channel !== this.channel) { this.channel = channel; this.showChannel(channel, tiles); }
    this.point(-1, -1);
  }

  showChannel(channel, tiles) {
    const [rows, columns] = channel.map.shape, { data } = channel.map;
    const limit = Math.max(Math.abs(channel.low), Math.abs(channel.high)) || 1;
    const scale = { kind: tiles.signed ? "signed" : "magnitude", limit, low: tiles.signed ? -limit : 0, high: limit };
    this.viewport.fitTo(0, 0, columns, rows);
    this.plane.setContent({ rows, columns, affine: { x: 0, y: 0, width: 1, height: 1 }, paint: (out) => paintMap(data, out, scale, false),
      numbersAt: (row, column) => [shortNumber(data[row * columns + column])] });
    this.legend.show(scale, this.words);
    this.legend.count(data);
    this.draw();
  }

  point(row, column) {
    if (!this.channel) return;
    const { words, channel } = this;
    if (row < 0) { this.readout.textContent = fill(words.range, { low: shortNumber(channel.low), high: shortNumber(channel.high) }); this.legend.mark(null); this.plane.clearOver(); return; }
    const value = channel.map.data[row * channel.map.shape[1] + column];
    this.last = [column + 0.5, row + 0.5];
    this.readout.textContent = fill(words.value_at, { row, column, value: plainNumber(value, 5) });
    this.legend.mark(value);
    this.plane.clearOver();
    this.plane.outline(row, column, 1, 1, getComputedStyle(this.plane.frame).getPropertyValue("--st-primary-color").trim() || "#b8127b");
  }

  draw() {
    const room = this.plane.frame.parentElement.clientWidth;
    if (!this.channel || !room) return;
    const [rows, columns] = this.channel.map.shape, wide = Math.round(Math.min(room, Math.max(window.innerHeight * 0.36, 220) * columns / rows));
    this.plane.frame.style.width = `${wide}px`;
    this.plane.resize(wide, Math.max(Math.round(wide * rows / columns), 24));
    this.plane.draw();
    this.legend.drawBars();
    this.mosaic.draw();
  }

  close() { this.observer.disconnect(); }
}
