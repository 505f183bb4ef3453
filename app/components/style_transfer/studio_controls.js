// The narrow column: styles, the weights that can be changed at any time, and what the next run starts with.
import { fill, make } from "../shared/dom.js";
import { choiceField, flagField, group, rangeField, selectField } from "../shared/fields.js";
import { readShares, StylePicker, writeShares } from "./style_picker.js";

const NEXT_RUN = ["styles", "net", "size", "steps", "start", "colour", "scale", "coarse", "pooling"];

export class StudioControls {
  constructor(root, studio, change) {
    this.studio = studio; this.change = change;
    const { words } = studio.block, ids = (name, list) => list.map((id) => [id, words[`${name}_${id}`], words[`${name}_${id}_hint`]]);
    this.picker = new StylePicker(studio, change);
    this.alpha = rangeField(words.alpha, 0, 5, 0.1, (alpha) => change({ alpha }));
    this.strength = rangeField(words.strength, 0, 100, 1, (strength) => change({ strength }));
    this.smooth = rangeField(words.smooth, 0, 5, 0.1, (smooth) => change({ smooth }));
    this.layers = make("div", { class: "layer-weights" }); this.content = make("div");
    this.size = rangeField(words.size, 96, 1024, 16, (size) => change({ size }), "px");
    this.steps = rangeField(words.steps, 20, 500, 10, (steps) => change({ steps }));
    this.start = choiceField(words.start, ids("start", ["content", "style", "noise"]), (start) => change({ start }));
    this.colour = choiceField(words.colour, ids("colour", ["style", "luminance", "histogram"]), (colour) => change({ colour }));
    this.memory = make("p", { class: "facts memory" }); this.later = make("p", { class: "facts later", role: "status" });
    const networks = studio.block.networks.filter((network) => network.available).map((network) => [network.name, network.label]);
    this.net = selectField(words.network, networks, (net) => change({ net, layers: "", content: "", gram: "" }));
    this.missing = make("p", { class: "facts" }, studio.block.networks.some((network) => network.name === "vgg19" && !network.available) ? words.vgg_missing : "");
    this.optimiser = choiceField(words.optimiser, [["lbfgs", "L-BFGS"], ["adam", "Adam"]], (optimiser) => change({ optimiser }));
    this.rate = rangeField(words.rate, 0, 1, 0.01, (rate) => change({ rate }));
    this.rate.element.title = words.rate_hint;
    this.scale = rangeField(words.scale, 0.25, 2, 0.05, (scale) => change({ scale }));
    this.coarse = flagField(words.coarse, (coarse) => change({ coarse }), words.coarse_hint);
    this.pooling = choiceField(words.pooling, ids("pooling", ["max", "average"]), (pooling) => change({ pooling }));
    root.replaceChildren(
      group(words.group_style, true, this.picker.element),
      group(words.group_weights, true, this.alpha, this.strength, this.smooth, make("p", { class: "facts" }, words.weights_hint)),
      group(words.group_run, true, this.size, this.memory, this.steps, this.start, this.colour, this.later),
      group(words.group_layers, false, this.content, this.layers),
      group(words.group_more, false, this.net, this.missing, this.optimiser, this.rate, this.scale, this.coarse, this.pooling));
  }

  sync(settings, block, news) {
    const { words, memory } = block, network = this.studio.network;
    this.picker.sync(block);
    for (const name of ["alpha", "strength", "smooth", "size", "steps", "start", "colour", "optimiser", "rate", "scale", "coarse", "pooling"]) this[name].set(settings[name]);
    this.net.set(network.name);
    this.pooling.element.classList.toggle("cs-hidden", !network.poolable);
    if (this.layersOf !== network.name + words.language) this.rebuildLayers(network, words);
    this.contentField.set(settings.content && network.layers.includes(settings.content) ? settings.content : block.content_layer);
    for (const [name, field] of this.weights) field.set(this.asked(settings)[name] ?? 1);
    const [height, width] = memory.said ? [] : memory.levels[memory.levels.length - 1];
    this.memory.textContent = memory.said ? memory.said[words.language]
      : fill(words[memory.fits ? "memory" : "memory_over"], { w: width, h: height, needed: memory.needed, available: memory.available, largest: memory.largest });
    this.memory.classList.toggle("bad", !memory.fits);
    const changed = news && this.began?.run === news.run && NEXT_RUN.some((name) => this.keep(name, this.began.settings) !== this.keep(name, settings));
    if (news && this.began?.run !== news.run) this.began = { run: news.run, settings: { ...settings } };
    this.later.textContent = changed ? words.next_run : "";
  }

  keep(name, settings) { return name === "styles" ? readShares(settings.styles).map(([key]) => key).join() : settings[name]; }   // shares act at once

  asked(settings) { return Object.fromEntries(readShares(settings.layers)); }

  rebuildLayers(network, words) {
    this.layersOf = network.name + words.language;
    this.contentField = selectField(words.content_layer, network.layers.map((name) => [name, name]), (content) => this.change({ content }));
    this.content.replaceChildren(this.contentField.element);
    this.weights = network.style_layers.map((name) => [name, rangeField(name, 0, 3, 0.1, (weight) => {
      const all = { ...Object.fromEntries(network.style_layers.map((layer) => [layer, 1])), ...this.asked(this.studio.settings), [name]: weight };
      this.change({ layers: writeShares(network.style_layers.map((layer) => [layer, all[layer]])) });
    })]);
    this.layers.replaceChildren(make("h3", {}, words.style_layer_weights), ...this.weights.map(([, field]) => field.element));
  }
}
