// Feature visualisation in the browser. Python side: app/pages/networks/feature_visualization.py, app/figures/networks/.
import { fill, make } from "../shared/dom.js";
import { choiceField, flagField, group, rangeField, selectField } from "../shared/fields.js";
import { Instrument } from "../shared/instrument.js";
import { mounted } from "../shared/mounted.js";
import { Atlas } from "./atlas.js";
import { Optimised } from "./optimised.js";
import { PatchGrid } from "./patch_grid.js";

const CLASSES = " classes";
const STEERED = ["jitter", "turn", "smooth", "rate"];

class FeatureScreen extends Instrument {
  constructor(root) {
    super(root, "feature_visualization", ["layers", "owns", "sheets", "atlases"]);
    this.order = "index";
    this.optimised = new Optimised(this.find(".optimised"), (action) => this.act(action));
    this.patches = new PatchGrid(this.find(".patches"), this.find(".context"));
    this.atlas = new Atlas(this.find(".atlas"), this.find(".about"), (channel) => this.ask({ channel }));
  }

  useWords(words) {
    const range = (name, low, high, step) => rangeField(words[name], low, high, step, (value) => this.tune({ [name]: value }));
    this.fields = {
      goal: choiceField(words.goal, ["channel", "unit"].map((id) => [id, words[`goal_${id}`], words[`goal_${id}_hint`]]), (goal) => this.ask({ goal, ...(goal === "unit" ? { jitter: 1, turn: 0 } : { jitter: 6, turn: 5 }) })),
      parametrisation: choiceField(words.parametrisation, ["fourier", "pixels", "blurred"].map((id) => [id, words[`as_${id}`], words[`as_${id}_hint`]]), (parametrisation) => this.ask({ parametrisation })),
      decorrelated: flagField(words.decorrelated, (decorrelated) => this.ask({ decorrelated }), words.decorrelated_hint),
      steps: range("steps", 16, 512, 16), jitter: range("jitter", 0, 24, 1), turn: range("turn", 0, 20, 1), smooth: range("smooth", 0, 4, 0.1), rate: range("rate", 0.005, 0.5, 0.005), seed: range("seed", 0, 9999, 1),
    };
    this.layerBox = make("div"); this.channelBox = make("div"); this.setBox = make("div"); this.listed = "";
    const { fields } = this;
    this.find(".controls").replaceChildren(make("section", {}, make("h3", {}, words.excite_title), this.layerBox, this.channelBox, fields.goal.element),
      make("section", {}, make("h3", {}, words.set_title), this.setBox),
      group(words.optimiser_title, true, fields.steps, fields.seed, fields.jitter, fields.turn, fields.smooth, fields.rate, fields.parametrisation, fields.decorrelated, make("p", { class: "quiet" }, words.steer_hint)));
    this.orderField = choiceField(words.order, ["index", "strength"].map((id) => [id, words[`order_${id}`]]), (order) => { this.order = order; this.refresh(); });
    this.find(".order").replaceChildren(this.orderField.element);
    this.find(".patches-title").textContent = words.patches_title;
  }

  take(block) {
    this.exchange.waiting = false;
    const { arrays } = block;
    const layers = this.keep("layers", block.layers, block.layers.list);
    const own = this.keep("owns", { id: block.own.id, image: arrays.own, map: arrays.map }, arrays.own);
    const sheet = block.sheet ? this.keep("sheets", block.sheet, block.sheet.url) : null;
    const atlas = block.atlas ? this.keep("atlases", block.atlas, block.atlas.url) : null;
    if (!layers || !own || sheet === undefined || atlas === undefined) { this.exchange.askAgain(); return; }
    Object.assign(this, { block, layers, own, sheet, shownAtlas: atlas });
    this.refresh();
    this.ready += 1;
  }

  get classMode() { return this.settings.classes; }

  refresh() {
    if (!this.block) return;
    const { block, words, settings } = this, { layer } = block;
    for (const [name, field] of Object.entries(this.fields)) field.set(settings[name]);
    this.showChoices();
    this.orderField.set(this.order);
    const title = this.nameOf(block.channel);
    this.find(".what").textContent = settings.goal === "unit" && layer.grid[0] > 1 ? fill(words.middle_unit_of, { name: title }) : title;
    this.find(".sees").textContent = layer.field && layer.status !== "whole image" ? fill(words.sees, { layer: layer.name, channels: layer.channels, rows: layer.grid[0], columns: layer.grid[1], wide: layer.field[1], tall: layer.field[0] })
      : fill(words[this.classMode ? "sees_class" : "sees_all"], { layer: layer.name, channels: layer.channels });
    const patches = block.patches, image = block.arrays.image || null;
    const mean = settings.goal === "channel" && layer.grid[0] * layer.grid[1] > 1;   // patches' values are of single units: not to be compared
    this.optimised.show({ picture: image ? block.picture : null, image, job: block.job, words, shape: this.own.image.shape, title, mean, best: mean ? null : patches[0]?.value ?? null });
    this.patches.show({ patches, url: this.sheet?.url || "", shape: this.own.image.shape, own: this.own.image, map: this.own.map, ownPeak: block.own, alt: block.own.alt, signed: layer.signed, flat: layer.grid[0] * layer.grid[1] === 1, words });
    const { done, of } = block.scan;
    this.find(".patches-title").textContent = done && done < of ? fill(words.patches_so_far, { done, of }) : fill(words[layer.grid[0] * layer.grid[1] === 1 ? "pictures_title" : "patches_title"], { of });
    this.find(".all").classList.toggle("cs-hidden", !this.shownAtlas);
    this.find(".all-title").textContent = this.classMode ? fill(words.all_classes, { n: layer.channels }) : fill(words.all_title, { n: layer.channels, layer: layer.name });
    if (this.shownAtlas) this.atlas.show({ id: this.shownAtlas.id, atlas: block.atlas, url: this.shownAtlas.url, peaks: block.arrays.peaks.data, channel: block.channel, order: this.order, nameOf: (channel) => this.nameOf(channel), hint: words.all_hint });
    clearTimeout(this.saying);
    this.saying = setTimeout(() => { this.find(".heard").textContent = `${title}. ${this.find(".score").textContent}`; }, 700);
  }

  nameOf(channel) {
    const { words, layers, block } = this;
    return this.classMode ? fill(words.class_of, { name: layers.classes[channel] ?? channel }) : fill(words.channel_of, { channel, layer: block.layer.name });
  }

  showChoices() {                                        // lists that follow the network, the layer and the session
    const { block, words, layers, settings } = this;
    const signature = JSON.stringify([layers.id, block.layer.name, block.layer.channels, this.block.own_set, words.language]);
    if (signature !== this.listed) {
      this.listed = signature;
      const sizes = new Map(layers.list), label = (name) => `${name} · ${sizes.get(name).join("×")}`;
      const advised = [...block.advised].reverse();
      this.layerField = selectField(words.layer, [[words.layers_classes, [[CLASSES, words.output]]], [words.layers_advised, advised.map((name) => [name, label(name)])],
        [words.layers_all, layers.list.map(([name]) => [name, label(name)])]], (name) => this.ask(name === CLASSES ? { classes: true, channel: -1 } : { classes: false, layer: name, channel: -1 }));
      const count = block.layer.channels;
      this.channelField = this.classMode && layers.classes.length ? selectField(words.class, layers.classes.map((name, i) => [String(i), name]), (value) => this.ask({ channel: Number(value) }))
        : rangeField(words.channel, 0, count - 1, 1, (channel) => this.later({ channel }));
      const own = block.own_set ? [[block.own_set, words.set_own]] : [];
      this.setField = choiceField(words.set, [["photos", words.set_photos], ["flowers", words.set_flowers], ...own], (data) => this.ask({ data }));
      this.layerBox.replaceChildren(this.layerField.element); this.channelBox.replaceChildren(this.channelField.element); this.setBox.replaceChildren(this.setField.element);
    }
    this.layerField.set(this.classMode ? CLASSES : block.layer.name);
    this.channelField.set(this.classMode && layers.classes.length ? String(block.channel) : block.channel);
    this.setField.set(settings.data);
    const flat = block.layer.grid[0] * block.layer.grid[1] === 1;
    this.fields.goal.element.classList.toggle("cs-hidden", flat);
  }

  ask(values) { Object.assign(this.settings, values); this.exchange.restNow(); }
  later(values) { Object.assign(this.settings, values); this.exchange.rest(); }

  tune(values) {                                         // while a picture is made it is steered; else the next one will be so
    Object.assign(this.settings, values);
    const running = ["running", "paused"].includes(this.block.job.state), steers = STEERED.some((name) => name in values);
    if (!running || !steers) { this.exchange.rest(); return; }
    clearTimeout(this.steering);
    this.steering = setTimeout(() => { this.send("steer", this.settings); this.exchange.restNow(); }, 150);
  }

  act(action) {
    if (action === "start") this.settings.channel = this.block.channel;
    this.send(action, { settings: { ...this.settings } });
    this.exchange.restNow();
  }

  send(action, values) { this.exchange.component.setTriggerValue("act", { ...values, action }); }
}

export default mounted(FeatureScreen, ".features");
