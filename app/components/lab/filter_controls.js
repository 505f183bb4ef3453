// The filter's part of the control column: the bank, the preset, size and angle, every weight, and what can be done to it.
import { make, fill } from "../shared/dom.js";
import { choiceField, flagField, group, numberField, rangeField, selectField } from "../shared/fields.js";
import { plainNumber, readNumber } from "../shared/numbers.js";
import { signedTint } from "../shared/number_grid.js";
import { bankPreset, formatBank, formatWeights, parseBank, resizedWeights } from "./bank.js";

const KINDS = { filters_plain: ["identity", "box", "gaussian", "sharpen", "emboss"],
  filters_edges: ["vertical", "horizontal", "sobel_x", "sobel_y", "scharr_x", "scharr_y", "prewitt_x", "prewitt_y", "edge"],
  filters_other: ["laplacian", "laplacian_8", "log", "gabor", "line_vertical", "line_horizontal", "random"] };

const MOST_FILTERS = 64;

export class FilterControls {
  // change(values): new settings of the lane that is being edited
  constructor(words, change) {
    this.words = words; this.change = change;
    const names = (list) => list.map((name) => [name, words[`filter_${name}`]]);
    this.chips = make("div", { class: "chips", role: "listbox", "aria-label": words.bank });
    this.preset = selectField(words.filter, [...Object.entries(KINDS).map(([kind, list]) => [words[kind], names(list)]), ["custom", words.filter_custom]],
      (name) => (name === "custom" ? this.toCustom() : this.edit({ name, weights: "", operations: "", seed: 0 })));
    this.size = rangeField(words.size_f, 1, 15, 1, (size) => this.resize(size));
    this.angle = rangeField(words.angle, 0, 359, 1, (angle) => this.edit({ angle }), "°");
    this.pair = selectField(words.pair, ["vertical", "sobel", "scharr", "prewitt"].map((name) => [name, words[`pair_${name}`]]), (pair) => this.edit({ pair }));
    this.weights = make("div", { class: "weights", role: "grid", "aria-label": words.weights });
    this.channelTabs = make("div", { class: "tabs cs-hidden" });
    this.note = make("p", { class: "hint" });
    const button = (text, action, hint) => make("button", { class: "cs-button", type: "button", onclick: action, title: hint }, text);
    this.tools = make("div", { class: "tools" }, button(words.transpose, () => this.operate("t"), words.transpose_hint),
      button(words.rotate, () => this.operate("r"), words.rotate_hint), button(words.normalise, () => this.operate("n"), words.normalise_hint));
    this.reseed = button(words.new_random, () => this.edit({ seed: (this.spec.seed * 31 + 7) % 10000 }), words.new_random_hint);
    this.tools.append(this.reseed);
    this.flip = flagField(words.mirror, (flip) => change({ flip }), words.mirror_hint);
    this.bias = numberField(words.bias, (bias) => this.edit({ bias: Math.min(Math.max(bias, -1e6), 1e6) }));
    this.mode = choiceField(words.channels, [["sum", words.mode_sum, words.mode_sum_hint], ["each", words.mode_each, words.mode_each_hint]], (mode) => change({ mode, index: 0 }));
    this.perChannel = ["R", "G", "B"].map((name, i) => numberField(name, (value) => this.setChannel(i, value), 4));
    this.channelBox = make("div", { class: "channel-weights" }, ...this.perChannel.map((field) => field.element));
    this.banks = selectField(words.banks, [["", words.banks], ...["pair", "directions", "named", "gabors", "random64"].map((name) => [name, words[`bank_${name}`]])],
      (name) => { if (name) change({ ...bankPreset(name), index: 0 }); this.banks.set(""); });
    this.plus = make("button", { class: "cs-button icon", type: "button", title: words.add_filter, "aria-label": words.add_filter, onclick: () => this.add() }, "+");
    this.minus = make("button", { class: "cs-button icon", type: "button", title: words.remove_filter, "aria-label": words.remove_filter, onclick: () => this.remove() }, "−");
    this.element = group(words.group_filter, true, this.preset, this.size, this.angle, this.pair, this.channelTabs, this.weights, this.tools, this.note,
      make("div", { class: "mirror-line" }, this.flip.element, this.bias.element), this.mode, this.channelBox,
      make("div", { class: "bank-line" }, this.chips, this.plus, this.minus, this.banks.element));
    this.shownChannel = 0;
  }

  sync(lane) {
    const { settings, result } = lane;
    this.lane = lane; this.settings = settings;
    this.specs = parseBank(settings.bank);
    this.place = result ? result.index % this.specs.length : Math.min(settings.index, this.specs.length - 1);
    this.spec = this.specs[this.place];
    const { spec, words } = this, channels = result ? result.geometry.channels : 1;
    this.preset.set(spec.name); this.size.set(settings.kernel_size); this.angle.set(spec.angle); this.pair.set(spec.pair);
    this.angle.element.classList.toggle("cs-hidden", !this.turnable.has(spec.name));
    this.pair.element.classList.toggle("cs-hidden", spec.name !== "edge");
    this.reseed.classList.toggle("cs-hidden", spec.name !== "random");
    this.flip.set(settings.flip); this.bias.set(spec.bias); this.mode.set(settings.mode);
    this.mode.element.classList.toggle("cs-hidden", channels < 2);
    this.channelBox.classList.toggle("cs-hidden", channels !== 3 || settings.mode === "each");
    settings.channel_weights.split(",").forEach((value, i) => this.perChannel[i].set(Number(value)));
    const key = `filter_note_${spec.name}`;
    this.note.textContent = words[key] || "";
    this.note.classList.toggle("cs-hidden", !words[key]);
    if (result && !lane.error) { this.syncWeights(); if (!lane.draft || this.chips.childElementCount !== this.specs.length) this.syncChips(); }
    this.minus.disabled = this.specs.length < 2;
    this.plus.disabled = this.specs.length >= MOST_FILTERS;
  }

  // The k·k grids of filter `place` as the person set them (not mirrored, not weighted by channel), one a channel
  grids(place = this.place) {
    const { data, shape: [, channels, size] } = this.lane.arrays.grids, area = size * size;
    return Array.from({ length: channels }, (_, c) => Array.from(data.subarray((place * channels + c) * area, (place * channels + c + 1) * area)));
  }

  syncWeights() {
    const size = this.lane.result.geometry.kernel, grids = this.grids(), { words } = this;
    const differ = grids.length === 3 && grids.some((grid) => grid.some((weight, i) => weight !== grids[0][i]));
    const tabbed = grids.length === 3 && this.settings.mode === "sum";
    this.channelTabs.classList.toggle("cs-hidden", !tabbed);
    if (tabbed && !this.channelTabs.childElementCount) {
      ["R", "G", "B"].forEach((name, c) => this.channelTabs.append(make("button", { class: "cs-button", type: "button", onclick: () => { this.shownChannel = c; this.syncWeights(); } }, name)));
    }
    [...this.channelTabs.children].forEach((tab, c) => tab.setAttribute("aria-pressed", String(differ || this.shownChannel ? c === this.shownChannel : c === 0)));
    const shown = tabbed ? grids[this.shownChannel] : grids[0], most = Math.max(...shown.map(Math.abs)) || 1;
    if (this.weights.childElementCount !== size * size) {
      this.weights.replaceChildren(...Array.from({ length: size * size }, (_, i) => {
        const input = make("input", { type: "text", inputmode: "decimal", "aria-label": fill(words.weight_at, { row: Math.floor(i / size), column: i % size }),
          onchange: () => this.setWeight(i, input.value), onfocus: () => input.select(), onkeydown: (event) => this.walk(event, i) });
        return input;
      }));
      this.weights.style.setProperty("--k", size);
      this.weights.classList.toggle("many", size > 5);
    }
    const digits = size > 5 ? 2 : 4, longest = Math.max(...shown.map((weight) => plainNumber(weight, digits).length));
    this.weights.style.setProperty("--wide", `${Math.max(30, longest * 7 + 8)}px`);
    shown.forEach((weight, i) => {
      const input = this.weights.children[i], [r, g, b, alpha] = signedTint(weight, most);
      input.style.backgroundColor = `rgb(${r} ${g} ${b} / ${alpha})`;
      if (input.getRootNode().activeElement !== input) input.value = plainNumber(weight, digits);
      input.title = String(weight);
    });
  }

  syncChips() {
    this.chips.classList.toggle("cs-hidden", this.specs.length < 2);
    const { kernel } = this.lane.result.geometry;
    while (this.chips.childElementCount < this.specs.length) {
      const place = this.chips.childElementCount;
      this.chips.append(make("button", { class: "chip", type: "button", role: "option", onclick: () => this.change({ index: place }) }, make("canvas")));
    }
    while (this.chips.childElementCount > this.specs.length) this.chips.lastChild.remove();
    this.specs.forEach((spec, place) => {
      const chip = this.chips.children[place], canvas = chip.firstChild, grid = this.grids(place)[0], most = Math.max(...grid.map(Math.abs)) || 1;
      chip.setAttribute("aria-selected", String(place === this.place));
      chip.title = `${place + 1} · ${this.words[`filter_${spec.name}`]}`;
      chip.setAttribute("aria-label", chip.title);
      canvas.width = kernel; canvas.height = kernel;
      const image = new ImageData(kernel, kernel);
      grid.forEach((weight, i) => { const [r, g, b, alpha] = signedTint(weight, most); image.data.set([r, g, b, alpha / 0.55 * 255], 4 * i); });
      canvas.getContext("2d").putImageData(image, 0, 0);
    });
  }

  edit(values) {
    this.specs[this.place] = { ...this.spec, ...values };
    this.change({ bank: formatBank(this.specs) });
  }

  toCustom(grids = this.grids()) {
    const same = grids.every((grid) => grid.every((weight, i) => weight === grids[0][i]));
    this.edit({ name: "custom", operations: "", weights: formatWeights(same ? grids[0] : grids.flat()) });
  }

  setWeight(place, text) {
    const number = readNumber(text);
    if (number === null) { this.syncWeights(); return; }
    const grids = this.grids();
    if (grids.length === 3 && this.settings.mode === "sum" && this.ownChannels()) grids[this.shownChannel][place] = number;
    else for (const grid of grids) grid[place] = number;
    this.toCustom(grids);
  }

  ownChannels() { return this.shownChannel > 0 || this.spec.weights.split(",").length > this.settings.kernel_size ** 2 || this.spec.weights.startsWith("W"); }

  setChannel(channel, value) {
    const weights = this.settings.channel_weights.split(",").map(Number);
    weights[channel] = Math.min(Math.max(value, -1000), 1000);
    this.change({ channel_weights: weights.map((weight) => Number(weight.toFixed(4))).join(",") });
  }

  operate(letter) { this.edit({ operations: (this.spec.operations + letter).slice(-16) }); }

  resize(size) {
    const from = this.settings.kernel_size;
    const specs = this.specs.map((spec, place) => (spec.name !== "custom" ? spec
      : { ...spec, weights: formatWeights(resizedWeights(this.ownGrids(place), from, size)) }));
    this.change({ kernel_size: size, bank: formatBank(specs) });
  }

  ownGrids(place) {
    const grids = this.grids(place);
    return grids.every((grid) => grid.every((weight, i) => weight === grids[0][i])) ? grids[0] : grids.flat();
  }

  add() {
    const copy = this.specs.length === 1 && this.spec.name === "sobel_x" ? { ...this.spec, name: "sobel_y" } : { ...this.spec };
    this.change({ bank: formatBank([...this.specs, copy]), index: this.specs.length });
  }

  remove() {
    this.specs.splice(this.place, 1);
    this.change({ bank: formatBank(this.specs), index: Math.max(0, this.place - 1) });
  }

  walk(event, place) {                                     // arrow keys go from weight to weight
    const size = this.settings.kernel_size, moves = { ArrowUp: -size, ArrowDown: size };
    const atStart = event.target.selectionStart === 0, atEnd = event.target.selectionEnd === event.target.value.length;
    let next = moves[event.key];
    if (event.key === "ArrowLeft" && atStart) next = -1;
    if (event.key === "ArrowRight" && atEnd) next = 1;
    if (event.key === "Enter") { event.target.blur(); event.target.focus(); return; }
    const target = next === undefined ? null : this.weights.children[place + next];
    if (target) { event.preventDefault(); target.focus(); }
  }
}
