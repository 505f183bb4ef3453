// The maps of the chosen layer: order, scale, pages, what to compare with; statistics and histogram of the chosen channel.
import { fill, make } from "../shared/dom.js";
import { Legend } from "../shared/legend.js";
import { Mosaic, orderOf, statsOf } from "./mosaic.js";
import { scaleFor, valueText } from "./unit_views.js";

const SORTS = ["index", "mean", "max", "variance", "effect"], SCALES_OF = ["map", "layer", "block", "network"];

export class MapsPanel {
  constructor(root, screen) {
    this.screen = screen;
    const { words } = screen;
    const select = (name, options, change) => { const input = make("select", { "aria-label": words[name], "data-control": name, onchange: () => change(input.value) }, options.map(([id, text]) => make("option", { value: id }, text))); return input; };
    this.sort = select("sort", SORTS.map((id) => [id, words[`sort_${id}`]]), (value) => screen.change({ sort: value }));
    this.scale = select("scale", SCALES_OF.map((id) => [id, words[`scale_${id}`]]), (value) => screen.change({ scale: value }));
    this.compare = make("select", { "aria-label": words.compare, "data-control": "compare", onchange: () => screen.change({ compare: this.compare.value }) });
    this.pages = make("span", { class: "pages" });
    const labelled = (text, input) => make("label", { class: "tool" }, make("span", {}, text), input);
    this.tools = make("div", { class: "tools" }, labelled(words.sort, this.sort), labelled(words.scale, this.scale), labelled(words.compare, this.compare), this.pages);
    this.readout = make("p", { class: "readout", "aria-live": "off" });
    this.progress = make("div", { class: "progress cs-hidden" });
    this.sheets = make("div", { class: "sheets" });
    this.legend = new Legend();
    this.facts = make("dl", { class: "stats" });
    root.replaceChildren(this.tools, this.progress, this.sheets, this.readout, make("div", { class: "under-maps" }, this.legend.element, this.facts));
    const hooks = { hover: (mosaic, ...at) => this.hover(mosaic, ...at), leave: () => this.rest(), press: (...at) => screen.chooseUnit(...at) };
    this.main = new Mosaic(this.sheets, words.maps_alt, hooks);
    this.other = new Mosaic(this.sheets, words.compare, hooks);
  }

  show() {
    const { screen } = this, { values, maps, otherMaps } = screen;
    this.sort.value = values.sort; this.scale.value = values.scale;
    this.options();
    this.pageButtons();
    const ready = Boolean(maps);
    this.sheets.classList.toggle("cs-hidden", !ready);
    if (!ready) return;
    this.stats = this.statsFor(maps);
    const order = orderOf(this.stats, values.sort, screen.effects?.values, maps.first);
    this.main.title.textContent = screen.comparing ? `${screen.layer} · ${screen.picture.name}` : "";
    this.main.show(maps, order, (place) => this.scaleOf(maps, this.stats, place, screen.layer), screen.channel);
    const both = Boolean(screen.comparing && otherMaps);
    this.other.element.classList.toggle("cs-hidden", !both);
    this.sheets.classList.toggle("two", both);
    if (both) {
      const stats = this.statsFor(otherMaps), alike = otherMaps.count === maps.count && otherMaps.first === maps.first;
      this.other.title.textContent = `${otherMaps.layer} · ${otherMaps.name}`;
      this.other.show(otherMaps, alike ? order : orderOf(stats, values.sort === "effect" ? "index" : values.sort, null, 0),
        (place) => this.scaleOf(otherMaps, stats, place, otherMaps.layer), screen.channel);
      if (this.main.laidOut !== this.main.box.clientWidth) this.main.draw();
    }
    this.measure();
    this.progressOf(screen.effects);
    this.rest();
    if (values.sort === "effect") screen.measureEffects();
  }

  statsFor(maps) { return (maps.stats ||= statsOf(maps.data, maps.count, maps.rows * maps.columns)); }

  scaleOf(maps, stats, place, layer) {
    const { scale } = this.screen.values;
    if (scale === "map") return scaleFor(stats[place].min, stats[place].max);
    const [low, high] = this.screen.rangeOf(layer, scale);
    return scaleFor(low, high);
  }

  channelScale() {                                         // of the chosen channel, which may be on another page
    const { screen } = this, { channelMap: map } = screen;
    if (!map) return scaleFor(0, 1);
    if (screen.values.scale === "map") { const [one] = statsOf(map.data, 1, map.data.length); return scaleFor(one.min, one.max); }
    return scaleFor(...screen.rangeOf(screen.layer, screen.values.scale));
  }

  options() {
    const { screen } = this, { words } = screen, now = screen.values.compare;
    const key = `${screen.graph.id}|${screen.layer}`;
    if (key !== this.listed) {
      this.listed = key;
      const option = (value, text) => make("option", { value }, text);
      const group = (label, options) => make("optgroup", { label }, options);
      this.compare.replaceChildren(option("", words.compare_none), option("before", words.compare_before),
        group(words.compare_picture, screen.pictures.map(([id, name]) => option(`picture~${id}`, name))),
        group(words.compare_layer, screen.graph.nodes.filter((node) => node.shape.length === 3).map((node) => option(`layer~${node.name}`, node.name))));
    }
    this.compare.value = now;
  }

  pageButtons() {
    const { maps, words } = this.screen;
    this.pages.replaceChildren();
    if (!maps || maps.pages < 2) return;
    const turn = (by, text) => make("button", { type: "button", class: "cs-button", disabled: maps.page + by < 0 || maps.page + by >= maps.pages, onclick: () => this.screen.change({ page: maps.page + by }) }, text);
    this.pages.append(turn(-1, "‹"), fill(words.page_of, { first: maps.first, last: maps.first + maps.count - 1, n: maps.shape[0] }), turn(1, "›"));
  }

  measure() {
    const { screen } = this, { words, channelMap: map } = screen;
    if (!map) return;
    const [one] = statsOf(map.data, 1, map.data.length), scale = this.channelScale();
    this.legend.show(scale, words);
    this.legend.count(map.data);
    const row = (name, value) => [make("dt", {}, words[name]), make("dd", {}, value)];
    const effect = screen.effects?.values?.[screen.channel];
    this.facts.replaceChildren(...row("stat_channel", `${screen.channel} / ${screen.shape[0]}`), ...row("stat_mean", valueText(one.mean)), ...row("stat_deviation", valueText(Math.sqrt(one.variance))),
      ...row("stat_min", valueText(one.min)), ...row("stat_max", valueText(one.max)), ...row("stat_zeros", `${(100 * one.zeros).toFixed(1)} %`), ...(effect === undefined ? [] : row("stat_effect", valueText(effect))));
  }

  progressOf(effects) {
    const busy = effects && effects.values.length < effects.total && this.screen.measuring;
    this.progress.classList.toggle("cs-hidden", !busy);
    if (!busy) return;
    const bar = make("i", {}); bar.style.width = `${100 * effects.values.length / effects.total}%`;
    this.progress.replaceChildren(make("span", {}, fill(this.screen.words.measuring, { done: effects.values.length, total: effects.total })), make("div", { class: "bar" }, bar),
      make("button", { type: "button", class: "cs-button", onclick: () => this.screen.stopEffects() }, this.screen.words.stop));
  }

  hover(mosaic, channel, row, column) {
    const { screen } = this, { words } = screen, maps = mosaic.maps;
    const value = maps.data[((channel - maps.first) * maps.rows + row) * maps.columns + column];
    const y = (row + 0.5) / maps.rows, x = (column + 0.5) / maps.columns;
    let text = fill(words.at_value, { channel, row, column, value: valueText(value) });
    const twin = mosaic === this.main ? this.other : this.main;
    if (screen.comparing && twin.maps) {
      const other = twin.maps, place = channel - other.first;
      if (place >= 0 && place < other.count) {
        const r = Math.floor(y * other.rows), c = Math.floor(x * other.columns);
        text += ` · ${fill(words.at_other, { value: valueText(other.data[(place * other.rows + r) * other.columns + c]) })}`;
      }
      twin.drawOver([channel, y, x]);
    }
    this.readout.textContent = text;
    if (mosaic === this.main) screen.hoverUnit(row, column);
  }

  rest() {
    this.readout.textContent = this.screen.words.point_maps;
    this.main.drawOver(); if (this.screen.comparing) this.other.drawOver();
    this.screen.hoverUnit(null);
  }

  close() { this.main.close(); this.other.close(); }
}
