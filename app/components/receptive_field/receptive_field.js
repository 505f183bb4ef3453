// Receptive fields in the browser. Python side: app/pages/convolution/receptive_field.py, app/figures/convolution/.
import { fill } from "../shared/dom.js";
import { FieldControls } from "./field_controls.js";
import { Instrument } from "../shared/instrument.js";
import { mounted } from "../shared/mounted.js";
import { FieldGeometry } from "./geometry.js";
import { GrowthChart } from "./growth_chart.js";
import { LayerTable } from "./layer_table.js";
import { StackedFilters } from "./stacked_filters.js";
import { Verdict } from "./verdict.js";
import { Views } from "./views.js";

const STRUCTURE = ["net", "stack", "relu", "size"], MEASURED = ["heat", "weights", "seed", "layer", "row", "column"];

class FieldScreen extends Instrument {
  constructor(root) {
    super(root, "receptive_field", ["pictures", "networks", "heats"]);
    this.hovered = null; this.error = null;
    this.views = new Views(this.find(".views"), {
      hover: (view, row, column) => this.pointAt(view, row, column),
      leave: () => { this.hovered = null; this.draw(); },
      press: (view, row, column) => this.pin(view, row, column),
      redraw: (over) => { if (!over) this.views.draw(); this.draw(); },
    });
    this.find(".views").addEventListener("keydown", (event) => this.key(event));
  }

  get layers() { return this.network.layers; }

  get place() {
    const found = this.layers.findIndex((layer) => layer.name === this.settings.layer);
    return found >= 0 ? found : this.network.default;
  }

  get unit() {                                            // [row, column] that is pinned
    const [rows, columns] = this.layers[this.place].grid, { row, column } = this.settings;
    return [row < 0 ? Math.floor(rows / 2) : Math.min(row, rows - 1), column < 0 ? Math.floor(columns / 2) : Math.min(column, columns - 1)];
  }

  get listed() {
    const { place } = this;
    return this.layers.map((_, i) => i).filter((i) => this.settings.all || this.layers[i].changes || i === place);
  }

  update(component) {
    const before = this.settings?.net;
    super.update(component);
    if (before && before !== this.settings.net) this.exchange.rest();   // the picker chose: say that it was heard
  }

  refresh() { if (this.network) this.show(); }            // the theme changed

  useWords(words) {
    this.controls = new FieldControls(this.find(".controls"), words, (values) => this.change(values));
    this.verdict = new Verdict(this.find(".verdict"), words);
    this.chart?.close();
    this.chart = new GrowthChart(this.find(".growth"), words, (place) => this.choose(place));
    this.table = new LayerTable(this.find(".layers"), words, (place) => this.choose(place));
    this.compare = new StackedFilters(this.find(".compare"), words, (values) => this.change(values));
    this.find(".help").textContent = words.keys_help;
  }

  take(block) {
    const { arrays } = block, asked = this.exchange.waiting;
    this.exchange.waiting = false;
    const picture = this.keep("pictures", { ...block.picture, image: arrays.image }, arrays.image);
    if (!picture) { this.exchange.askAgain(); return; }
    this.picture = { ...picture, ...block.picture, image: picture.image };
    this.error = block.error || null;
    if (block.error) { this.show(); return; }
    if (block.network.layers) block.network.geometry = new FieldGeometry(block.network.layers, arrays.tables.data);
    const network = this.keep("networks", block.network, block.network.layers);
    if (!network) { this.exchange.askAgain(); return; }
    this.network = { ...network, ...block.network, layers: network.layers, geometry: network.geometry };
    this.heat = block.heat ? this.keep("heats", { ...block.heat, data: arrays.heat?.data }, arrays.heat) : null;
    this.unmeasured = Boolean(block.no_heat);
    this.hovered = null;
    if (block.heat_later) { if (asked) this.exchange.waiting = true; else this.exchange.ask(); }   // it takes long: boxes first
    this.show();
    this.ready += 1;
  }

  fail(sentence) { this.error = sentence; this.show(); }

  get heatShown() {                                       // the measured field, where it belongs to the pinned unit
    const { heat, settings, place } = this, [row, column] = this.unit;
    if (!heat || !settings.heat || this.pixel) return null;
    return heat.layer === this.layers[place].name && heat.row === row && heat.column === column ? heat : null;
  }

  get pixel() {                                           // [y, x] pinned for the reverse question
    const { px, py } = this.settings, [, height, width] = this.picture.shape;
    return px < 0 || py < 0 ? null : [Math.min(py, height - 1), Math.min(px, width - 1)];
  }

  show() {
    const { error, words } = this, box = this.find(".no-map");
    box.classList.toggle("cs-hidden", !error);
    this.find(".stage").classList.toggle("stale", Boolean(error));
    this.find(".field-screen").classList.toggle("unknown", error?.code === "unknown");   // no network to show anything of
    if (error) box.textContent = error[words.language] || fill(words[`error_${error.code}`], { layer: error.layer });
    this.controls.sync(this.settings, this.network, this.picture, error);
    this.compare.show(this.settings.c);
    this.find(".verdict").classList.toggle("tall", Boolean(this.settings.heat && this.network?.choices.length));   // its height stays while the heat comes and goes
    if (error || !this.network) return;
    const { place, listed } = this, layer = this.layers[place];
    this.find(".views").setAttribute("aria-label", `${words.title}: ${this.picture.alt}`);
    this.views.picture.title.textContent = words.view_picture;
    this.views.picture.shape.textContent = `${this.picture.shape[2]} × ${this.picture.shape[1]}`;
    this.views.map.title.textContent = layer.name;
    this.views.map.shape.textContent = layer.shape.length === 4 ? layer.shape.slice(1).join(" × ") : layer.shape.slice(1).join(" × ") || "1";
    this.paint();
    this.chart.show(this.layers, listed, place, this.picture);
    this.table.show(this.layers, listed, place, this.network.id);
    this.draw();
  }

  paint() {
    const { place } = this, { image } = this.picture, { geometry } = this.network;
    this.paintedHeat = this.hovered ? null : this.heatShown;
    this.views.showPicture(image, this.paintedHeat, geometry.overhang(place));
    this.views.showMap(image, geometry, place);
    this.views.layout({ redraw: () => {} });
  }

  draw() {                                                // what is pointed at, else what is pinned
    if (!this.network || this.error || !this.picture) return;
    const start = performance.now(), { place, views, verdict } = this, { geometry } = this.network, layer = this.layers[place];
    const pinned = this.pixel ? { pixel: this.pixel } : { unit: this.unit };
    const { pixel, unit } = this.hovered || pinned;
    const heat = this.hovered ? null : this.heatShown;
    if (heat !== this.paintedHeat) { this.paintedHeat = heat; views.showPicture(this.picture.image, heat, geometry.overhang(place)); views.picture.plane.draw(); }
    if (pixel) {
      const units = views.drawPixel(place, geometry, ...pixel);
      verdict.pixel(layer, ...pixel, units);
      this.table.showSeeing((i) => geometry.units(i, ...pixel));
    } else {
      const boxes = this.settings.nested ? geometry.nested(place, ...unit) : [geometry.box(place, ...unit)];
      views.drawUnit(place, geometry, ...unit, boxes, !heat);
      verdict.unit(layer, ...unit, geometry.box(place, ...unit), this.picture.shape);
      this.table.showSeeing(null);
    }
    const waits = this.settings.heat && !this.hovered && !pixel && this.exchange.waiting && this.network.choices.length;
    verdict.measured(heat, this.network, waits, this.unmeasured && !this.hovered && !pixel);
    this.readouts(pixel, unit);
    this.sayAloud();
    this.handlerTime = performance.now() - start;
  }

  readouts(pixel, unit) {
    const { words } = this;
    this.views.picture.readout.textContent = pixel ? fill(words.at_pixel, { x: pixel[1], y: pixel[0] }) : words.point_picture;
    this.views.map.readout.textContent = unit ? fill(words.at_unit, { row: unit[0], column: unit[1] }) : words.point_map;
  }

  sayAloud() {                                            // for screen readers, at most twice a second
    clearTimeout(this.saying);
    this.saying = setTimeout(() => { this.find(".heard").textContent = `${this.layers[this.place].name}: ${this.find(".verdict .sentence").textContent}`; }, 500);
  }

  pointAt(view, row, column) {
    if (!this.network || this.error) return;
    this.hovered = view === "map" ? { unit: [row, column] } : { pixel: [row, column] };
    this.draw();
  }

  pin(view, row, column) {
    if (!this.network || this.error) return;
    this.find(".views").focus({ preventScroll: true });
    this.hovered = null;
    this.change(view === "map" ? { row, column, px: -1, py: -1 } : { py: row, px: column });
  }

  choose(place) { this.change({ layer: this.layers[place].name, ...this.sameSpot(place) }); }

  sameSpot(place) {                                       // the unit of another layer that looks at the same spot
    if (this.settings.row < 0 && this.settings.column < 0) return {};
    const { geometry } = this.network, [x1, y1, x2, y2] = geometry.box(this.place, ...this.unit);
    return { row: geometry.nearest(place, 0, (y1 + y2) / 2), column: geometry.nearest(place, 1, (x1 + x2) / 2) };
  }

  change(values) {
    Object.assign(this.settings, values, values.net ? { net_as: "" } : {});
    const asks = (names) => names.some((name) => name in values);
    const structure = asks(STRUCTURE), measures = asks(MEASURED) && this.settings.heat && !this.pixel;
    if (structure || measures || ("px" in values && this.settings.heat && !this.pixel)) this.exchange.ask();
    else this.exchange.rest();
    if (!structure) this.show(); else this.controls.sync(this.settings, this.network, this.picture, null);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.network || this.error) return;
    const far = event.shiftKey ? 10 : 1, { listed } = this;
    const layer = (step) => this.choose(listed[Math.min(Math.max(listed.indexOf(this.place) + step, 0), listed.length - 1)]);
    const actions = {
      ArrowUp: () => this.move(-far, 0), ArrowDown: () => this.move(far, 0), ArrowLeft: () => this.move(0, -far), ArrowRight: () => this.move(0, far),
      "]": () => layer(1), "[": () => layer(-1), e: () => this.change({ heat: !this.settings.heat }), n: () => this.change({ nested: !this.settings.nested }),
      p: () => { const [x1, y1, x2, y2] = this.network.geometry.box(this.place, ...this.unit); this.change({ px: this.within((x1 + x2) >> 1, 2), py: this.within((y1 + y2) >> 1, 1) }); },
      Escape: () => this.change({ px: -1, py: -1 }),
    };
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    this.hovered = null;
    action();
  }

  within(at, axis) { return Math.min(Math.max(at, 0), this.picture.shape[axis] - 1); }

  move(down, right) {
    if (this.pixel) { this.change({ py: this.within(this.pixel[0] + down, 1), px: this.within(this.pixel[1] + right, 2) }); return; }
    const [rows, columns] = this.layers[this.place].grid, [row, column] = this.unit;
    this.change({ row: Math.min(Math.max(row + down, 0), rows - 1), column: Math.min(Math.max(column + right, 0), columns - 1) });
  }

  close() { super.close(); this.views.close(); this.chart?.close(); }
}

export default mounted(FieldScreen, ".field-screen");
