// The layer explorer in the browser. Python side: app/pages/networks/layer_explorer.py, app/figures/networks/layer_explorer*.py.
import { fill, make } from "../shared/dom.js";
import { mounted } from "../shared/mounted.js";
import { unpack } from "../shared/wire.js";
import { FieldGeometry } from "../receptive_field/geometry.js";
import { AnswerPanel } from "./answer_panel.js";
import { ExplorerExchange } from "./explorer_exchange.js";
import { FieldPanel } from "./field_panel.js";
import { GraphMap, byteText, countText } from "./graph_map.js";
import { MapsPanel } from "./maps_panel.js";
import { MicroscopePanel } from "./microscope_panel.js";
import { scopesOf } from "./graph_layout.js";
import { PreparePanel } from "./prepare_panel.js";
import { Switchboard } from "./switchboard.js";
import { UnitViews, valueText } from "./unit_views.js";

const PARTS = { picture: 4, graph: 4, fields: 4, ranges: 6, answer: 8, maps: 8, terms: 24, other: 4, heat: 8 };
const TABS = ["maps", "terms", "field", "edit", "prepare"], LIVE_VALUES = ["layer", "channel", "row", "col", "page", "folded", "heat", "target", "edits", "compare"];

class LayerExplorer {
  constructor(root) {
    this.find = (selector) => root.querySelector(selector);
    this.parts = Object.fromEntries(Object.keys(PARTS).map((name) => [name, new Map()]));
    this.values = null; this.hovered = null; this.effects = null; this.measuring = false; this.ready = 0;
    this.views = new UnitViews(this.find(".views"), {
      hover: (view, row, column) => this.pointAt(view, row, column), leave: () => { this.hovered = null; this.drawUnit(); },
      press: (view, row, column) => (view === "map" ? this.chooseUnit(this.channel, row, column) : this.change({ px: column, py: row })),
      redraw: (over) => { if (!over) this.views.draw(); this.drawUnit(); } });
    this.exchange = new ExplorerExchange(this);
    this.find(".views").addEventListener("keydown", (event) => this.key(event));
  }

  get known() { return Object.values(this.parts).flatMap((part) => [...part.keys()]); }

  update(component) {
    const block = component.data === this.lastData ? null : unpack(component.data);
    this.exchange.attach(component, block);
    if (!block) { if (this.graph) this.show(); return; }
    this.lastData = component.data;
    if (block.words.language !== this.words?.language) this.useWords(block);
    this.pictures = block.pictures;
    const news = !this.values || this.exchange.isNews(block) || block.values.net !== this.values.net || block.values.net_as !== this.values.net_as;
    if (news) { this.values = block.values; this.measuring = false; this.effects = null; this.panels.edit.past = []; }
    if (news || !this.exchange.usable || JSON.stringify(block.values) === JSON.stringify(this.values)) this.take(block);
    else this.exchange.ask();
  }

  useWords(block) {
    this.words = block.words; this.fieldWords = block.field_words;
    this.find(".views").setAttribute("aria-label", block.words.views_help);
    this.find(".network").setAttribute("aria-label", block.words.map_title);
    const { words } = this, panel = (name) => this.find(`[data-panel="${name}"]`);
    this.panels?.maps.close(); this.graphMap?.close();
    this.graphMap = new GraphMap(this.find(".network"), words, (layer) => this.goTo(layer));
    this.answerPanel = new AnswerPanel(this.find(".answer"), this);
    this.panels = { maps: new MapsPanel(panel("maps"), this), terms: new MicroscopePanel(panel("terms"), this), field: new FieldPanel(panel("field"), this), edit: new Switchboard(panel("edit"), this), prepare: new PreparePanel(panel("prepare"), this) };
    this.find(".tabs").replaceChildren(...TABS.map((name) => make("button", { type: "button", class: "tab", role: "tab", "data-tab": name, onclick: () => this.change({ tab: name }) }, words[`tab_${name}`])));
    this.find(".tabs").onkeydown = (event) => { const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key]; if (step) { const next = TABS[(TABS.indexOf(this.values.tab) + step + TABS.length) % TABS.length]; this.change({ tab: next }); this.find(`[data-tab="${next}"]`).focus(); } };
    this.modes = make("div", { class: "modes", role: "group", "aria-label": words.on_picture }, ["box", "heat", "map", "plain"].map((mode) => make("button", { type: "button", class: "cs-button", "data-on": mode,
      onclick: () => this.change(mode === "heat" ? { on: mode, heat: true } : { on: mode }) }, words[`on_${mode}`])));
    this.find(".modes-place").replaceChildren(this.modes);
  }

  keep(name, block) {                                      // the part as sent, or the one kept from before
    const said = block[name], kept = this.parts[name];
    if (!said) return null;
    if (said.sent) {
      const arrays = Object.fromEntries(Object.entries(block.arrays).filter(([key]) => key === name || key.startsWith(`${name}.`)).map(([key, array]) => [key === name ? "" : key.slice(name.length + 1), array]));
      kept.delete(said.id); kept.set(said.id, { ...said, arrays });
      while (kept.size > PARTS[name]) kept.delete(kept.keys().next().value);
    }
    const found = kept.get(said.id);
    if (!found) { this.missing = true; return null; }
    kept.delete(said.id); kept.set(said.id, found);
    return { ...found, ...said };
  }

  take(block) {
    this.missing = false; this.exchange.waiting = false;
    const got = Object.fromEntries(Object.keys(PARTS).map((name) => [name, this.keep(name, block)]));
    if (this.missing) { this.exchange.askAgain(); return; }
    Object.assign(this, { graph: got.graph, answer: got.answer, noMaps: block.no_maps || null, failed: null });
    this.byName = new Map(this.graph.nodes.map((node, i) => [node.name, i]));
    this.picture = { ...got.picture, image: got.picture.arrays[""] };
    this.ranges = got.ranges.arrays[""].data;
    this.answer.labels = got.answer.arrays.labels || null;
    this.fields = this.withGeometry(got.fields);
    const { shown } = block;
    Object.assign(this, { layer: shown.layer, channel: shown.channel, row: shown.row, column: shown.column, difference: shown.difference });
    this.values = { ...this.values, edits: block.values.edits };
    this.maps = got.maps ? this.mapsOf(got.maps) : null;
    this.shape = this.maps?.shape || null;
    this.otherMaps = got.other ? { ...this.mapsOf(got.other), layer: block.other.layer, name: block.other.name } : null;
    this.terms = got.terms ? { ...got.terms, ...got.terms.arrays } : null;
    this.heat = got.heat && this.values.heat ? { ...got.heat, data: got.heat.arrays[""].data } : null;
    if (block.effects) this.takeEffects(block.effects);
    if (this.effects && this.effects.key !== this.effectsKey) this.effects = null;
    this.hovered = null;
    this.show();
    this.ready += 1;
  }

  withGeometry(fields) {
    if (!fields.geometry && fields.layers.length) { const kept = this.parts.fields.get(fields.id); kept.geometry = new FieldGeometry(fields.layers, fields.arrays.tables.data); fields.geometry = kept.geometry; }
    return fields;
  }

  mapsOf(part) {
    const [count, rows, columns] = part.arrays[""].shape;
    return { data: part.arrays[""].data, count, rows, columns, first: part.first, page: part.page, pages: part.pages, shape: part.shape, own: part.arrays.own?.data || null };
  }

  get channelMap() {                                       // {data, rows, columns} of the chosen channel
    const { maps, channel } = this;
    if (!maps) return null;
    const place = channel - maps.first, size = maps.rows * maps.columns;
    const data = place >= 0 && place < maps.count ? maps.data.subarray(place * size, (place + 1) * size) : maps.own;
    return data ? { data, rows: maps.rows, columns: maps.columns } : null;
  }

  get comparing() { return Boolean(this.values.compare && this.otherMaps); }
  get fieldPlace() { return this.fields?.layers.findIndex((layer) => layer.name === this.layer) ?? -1; }
  get pixel() { const { px, py } = this.values, [, height, width] = this.picture.image.shape; return px < 0 || py < 0 ? null : [Math.min(py, height - 1), Math.min(px, width - 1)]; }
  get fieldUnit() { const [rows, columns] = this.fields.layers[this.fieldPlace].grid; return [Math.min(this.row, rows - 1), Math.min(this.column, columns - 1)]; }
  get canMeasure() { return Boolean(this.shape) && this.graph.task !== "detection"; }
  get effectsKey() { return `${this.graph.id}|${this.layer}|${this.values.target < 0 ? this.answer.first : this.values.target}`; }
  get nextEffects() { return this.measuring ? { first: this.effects?.values.length || 0 } : null; }

  nodeOf(name) { return this.graph.nodes[this.byName.get(name)]; }
  inputShape(terms) { const read = this.nodeOf(terms.reads[0]); return read && read.shape.length === 3 ? read.shape : [0, Infinity, Infinity]; }

  rangeOf(layer, scope) {                                  // [low, high] over a layer, its block, or the whole network
    const own = this.nodeOf(layer), wanted = scope === "network" ? () => true : scope === "block" ? (node) => scopesOf(node, 2) === scopesOf(own, 2) : (node) => node === own;
    let low = Infinity, high = -Infinity;
    this.graph.nodes.forEach((node, i) => { if (wanted(node) && (scope !== "network" || node.kind !== "input")) { low = Math.min(low, this.ranges[5 * i]); high = Math.max(high, this.ranges[5 * i + 1]); } });
    return [low, high];
  }

  change(values) {
    Object.assign(this.values, values);
    if (LIVE_VALUES.some((name) => name in values)) this.exchange.ask(); else this.exchange.rest();
    this.show();
  }

  goTo(layer, channel = -1) { if (layer !== this.layer || channel !== this.channel) { this.stopEffects(); this.change({ layer, channel, row: -1, col: -1, page: 0 }); } }

  chooseUnit(channel, row, column) { this.change({ layer: this.layer, channel, row: row < 0 ? this.values.row : row, col: column < 0 ? this.values.col : column, px: -1, py: -1 }); }

  measureEffects(again = false) {
    if (!this.canMeasure || this.measuring || (this.effects && this.effects.values.length >= this.effects.total) || (this.stopped === this.effectsKey && !again)) return;
    this.measuring = true; this.stopped = null;
    this.exchange.ask();
  }

  stopEffects() { if (this.measuring) { this.measuring = false; this.stopped = this.effectsKey; if (this.graph) this.show(); } }

  takeEffects(part) {
    const key = this.effectsKey;
    if (part.layer !== this.layer || !this.measuring) return;
    const before = this.effects?.key === key ? this.effects.values : [];
    if (part.first === before.length) this.effects = { key, values: [...before, ...part.values], total: part.total, target: part.target };
    if (this.effects && this.effects.values.length >= this.effects.total) this.measuring = false;
    else setTimeout(() => { if (this.measuring) this.exchange.ask(); }, 0);
  }

  fail(sentence) { this.failed = sentence; this.measuring = false; this.show(); }

  show() {
    const { words, values } = this, box = this.find(".no-map");
    for (const button of this.find(".tabs").children) { const own = button.dataset.tab === values.tab; button.setAttribute("aria-selected", String(own)); button.tabIndex = own ? 0 : -1; }
    for (const name of TABS) this.find(`[data-panel="${name}"]`).classList.toggle("cs-hidden", name !== values.tab);
    for (const button of this.modes.children) button.setAttribute("aria-pressed", String(button.dataset.on === values.on));
    const problem = this.failed || this.noMaps;
    box.classList.toggle("cs-hidden", !problem);
    if (problem) box.textContent = problem[words.language];
    if (!this.graph) return;
    this.graphMap.show(this.graph, this.layer);
    this.describe();
    this.answerPanel.show();
    this.panels[values.tab].show();
    this.paint();
  }

  paint() {
    const { picture, fields, values, words } = this, place = this.fieldPlace, map = this.channelMap;
    const scale = this.panels.maps.channelScale();
    const overhang = place >= 0 ? fields.geometry.overhang(place) : [[0, picture.image.shape[1]], [0, picture.image.shape[2]]];
    this.views.showSeen(picture.image, { mode: values.on, heat: this.heat, map, scale, overhang });
    this.views.picture.title.textContent = words.view_seen; this.views.picture.shape.textContent = `${picture.image.shape[2]} × ${picture.image.shape[1]}`;
    this.views.map.element.classList.toggle("cs-hidden", !map);
    if (map) { this.views.showChannel(map, scale); this.views.map.title.textContent = `${this.layer} · ${words.channel} ${this.channel}`; this.views.map.shape.textContent = `${map.columns} × ${map.rows}`; }
    this.views.layout({ redraw: () => {} });
    this.drawUnit();
  }

  drawUnit() {
    if (!this.graph || !this.picture || !this.views.picture.plane.source) return;
    const { fields, words } = this, place = this.fieldPlace, pixel = this.hovered?.pixel || (this.hovered ? null : this.pixel), map = this.channelMap;
    const [row, column] = this.hovered?.unit || [this.row, this.column];
    if (!map) { this.views.picture.plane.clearOver(); return; }
    const same = place >= 0 && fields.layers[place].grid[0] === map.rows && fields.layers[place].grid[1] === map.columns;
    if (pixel && same) this.views.drawPixel(place, fields.geometry, ...pixel);
    else if (same && this.values.on !== "plain") this.views.drawUnit(place, fields.geometry, row, column, [fields.geometry.box(place, row, column)], this.values.on === "box");
    else this.views.drawAlone(row, column);
    this.views.map.readout.textContent = fill(words.at_value, { channel: this.channel, row, column, value: valueText(map.data[row * map.columns + column]) });
    this.views.picture.readout.textContent = pixel ? fill(words.at_pixel, { x: pixel[1], y: pixel[0] }) : words.point_picture;
  }

  hoverUnit(row, column) {
    const next = row === null ? null : { unit: [row, column] };
    if (!next && !this.hovered) return;
    this.hovered = next;
    this.drawUnit();
  }

  key(event) {                                             // arrows move the unit, with Shift by ten; Escape gives a pixel up
    const by = event.shiftKey ? 10 : 1, step = { ArrowUp: [-by, 0], ArrowDown: [by, 0], ArrowLeft: [0, -by], ArrowRight: [0, by] }[event.key], map = this.channelMap;
    if (event.key === "Escape") this.change({ px: -1, py: -1 });
    if (!step || !map || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const within = (at, size) => Math.min(Math.max(at, 0), size - 1);
    Object.assign(this, { row: within(this.row + step[0], map.rows), column: within(this.column + step[1], map.columns) });
    this.chooseUnit(this.channel, this.row, this.column);
  }

  pointAt(view, row, column) { this.hovered = view === "map" ? { unit: [row, column] } : { pixel: [row, column] }; this.drawUnit(); }

  describe() {
    const { words } = this, i = this.byName.get(this.layer), node = this.graph.nodes[i], [low, high, , zeros, bad] = this.ranges.subarray(5 * i, 5 * i + 5);
    const field = this.fields?.layers[this.fieldPlace], percent = (part) => `${(100 * part).toFixed(1)} %`;
    const size = field ? `${field.size[1]} × ${field.size[0]} (${this.fieldWords[`status_${{ exact: "exact", "whole image": "whole", "upper bound": "bound", "data-dependent": "data" }[field.status]}`]})` : "–";
    this.graphMap.describe([[words.node_shape, node.shape.join(" × ") || "1"], [words.node_parameters, countText(node.parameters)], [words.node_adds, countText(node.adds)], [words.node_field, size], [words.node_memory, byteText(node.memory)],
      [words.node_range, `${valueText(Number(low.toPrecision(4)))} … ${valueText(Number(high.toPrecision(4)))}`], [words.node_zeros, percent(zeros)], ...(node.dead ? [[words.node_dead, percent(node.dead), "bad"]] : []), ...(node.saturated > 0.001 ? [[words.node_saturated, percent(node.saturated), "warn"]] : []), ...(bad ? [[words.node_bad, percent(bad), "bad"]] : [])]);
    this.find(".totals").textContent = fill(words.totals, { layers: this.graph.nodes.length - 1, parameters: countText(this.graph.parameters), adds: countText(this.graph.adds), input: this.graph.input.join(" × ") })
      + (this.difference ? ` · ${fill(words.onnx_checked, { difference: this.difference.toExponential(1) })}` : "");
  }

  close() { this.exchange.close(); this.views.close(); this.panels?.maps.close(); this.graphMap?.close(); }
}

export default mounted(LayerExplorer, ".explorer");
