// The Gram matrices of style and picture at one layer, and their difference, entry by entry.
import { fill, make } from "../shared/dom.js";
import { SCALES, gradientCss } from "../shared/colours.js";
import { selectField } from "../shared/fields.js";
import { shortNumber } from "../shared/numbers.js";
import { powerText } from "./loss_charts.js";

const SIDES = ["aim", "own", "difference"];

export function paintGram(values, out, limit, signed) {     // by the root: small entries stay visible
  for (let i = 0; i < values.length; i++) {
    const part = Math.sqrt(Math.min(Math.abs(values[i]) / (limit || 1), 1));
    out[i] = signed ? SCALES.signed[128 + Math.round(127 * (values[i] < 0 ? -part : part))] : SCALES.magnitude[Math.round(255 * part)];
  }
}

class GramMap {
  constructor(id, title, hover) {
    this.canvas = make("canvas", { class: "gram", role: "img", "aria-label": title, "data-gram": id });
    this.cursor = make("i", { class: "gram-cursor cs-hidden" });
    this.low = make("span"); this.high = make("span"); this.bar = make("div", { class: "colour-bar" });
    this.element = make("figure", {}, make("figcaption", {}, title), make("div", { class: "gram-box" }, this.canvas, this.cursor), this.bar, make("div", { class: "ends" }, this.low, this.high));
    this.canvas.onpointermove = (event) => { const box = this.canvas.getBoundingClientRect();
      hover(Math.floor((event.clientY - box.top) / box.height * this.side), Math.floor((event.clientX - box.left) / box.width * this.side)); };
    this.canvas.onpointerleave = () => hover(-1, -1);
  }

  show(values, side, limit, signed) {
    this.side = side; this.values = values;
    this.canvas.width = side; this.canvas.height = side;
    const image = new ImageData(side, side);
    paintGram(values, new Uint32Array(image.data.buffer), limit, signed);
    this.canvas.getContext("2d").putImageData(image, 0, 0);
    this.bar.style.background = gradientCss(signed ? SCALES.signed : SCALES.magnitude, signed ? 1 : 0);
    this.low.textContent = signed ? shortNumber(-limit) : "0"; this.high.textContent = shortNumber(limit);
  }

  point(row, column) {
    const inside = row >= 0 && column >= 0 && row < this.side && column < this.side;
    this.cursor.classList.toggle("cs-hidden", !inside);
    if (inside) this.cursor.style.cssText = `left: ${100 * column / this.side}%; top: ${100 * row / this.side}%; width: ${100 / this.side}%; height: ${100 / this.side}%`;
  }
}

export class GramView {
  constructor(root, words, choose) {
    this.words = words; this.wanted = null; this.found = null;
    this.maps = Object.fromEntries(SIDES.map((id) => [id, new GramMap(id, words[`gram_${id}`], (row, column) => this.point(row, column))]));
    this.head = make("div", { class: "gram-head" }); this.formula = make("p", { class: "gram-formula" });
    this.pointed = make("p", { class: "readout", role: "status" });
    this.choose = choose;
    root.replaceChildren(this.head, make("div", { class: "grams" }, SIDES.map((id) => this.maps[id].element)), this.pointed, this.formula);
  }

  sync(studio) {                                            // asks for what is not here yet; layers of the run's network
    const run = studio.fresh ? studio.news : null, network = studio.block.networks.find((one) => one.name === (run?.network || studio.block.network));
    if (this.network !== network.name) {
      this.network = network.name;
      this.layer = selectField(this.words.layer, network.layers.map((name) => [name, name]), this.choose);
      this.head.replaceChildren(this.layer.element, make("span", { class: "quiet" }, this.words.gram_hint));
    }
    const layer = network.layers.includes(studio.settings.gram) ? studio.settings.gram : network.style_layers[Math.min(2, network.style_layers.length - 1)];
    this.layer.set(layer);
    const { colour, styles, scale, pooling, size } = studio.settings;
    const name = run ? `${run.run} ${studio.step} ${layer}` : JSON.stringify([studio.block.inputs, styles, colour, scale, pooling, size, network.name, layer]);
    if (this.asked === name) return;
    this.asked = name;
    this.wanted = { layer, step: run ? studio.step : 0, name: name.slice(0, 120) };
    studio.exchange.later(0);
  }

  take(gram, arrays) {
    if (this.wanted && gram.name === this.wanted.name) this.wanted = null;
    const per = 1 / gram.positions, side = gram.channels;
    const aim = arrays.aim.data.map((value) => value * per), own = arrays.own.data.map((value) => value * per);
    const difference = aim.map((value, i) => own[i] - value);
    let most = 0, apart = 0;
    for (let i = 0; i < aim.length; i++) { most = Math.max(most, aim[i], own[i]); apart = Math.max(apart, Math.abs(difference[i])); }
    this.found = { aim, own, difference, ...gram };
    this.maps.aim.show(aim, side, most, false); this.maps.own.show(own, side, most, false); this.maps.difference.show(difference, side, apart, true);
    const sum = difference.reduce((all, value) => all + value * value, 0) * gram.positions ** 2;
    this.formula.textContent = fill(this.words.gram_formula, { layer: gram.layer, n: gram.positions.toLocaleString("en-US"), c: side, sum: powerText(sum), loss: powerText(gram.loss), step: gram.step });
    this.formula.dataset.loss = String(gram.loss); this.formula.dataset.step = gram.step;
  }

  point(row, column) {
    for (const map of Object.values(this.maps)) map.point(row, column);
    const { found } = this;
    if (!found || row < 0 || column < 0 || row >= found.channels || column >= found.channels) { this.pointed.textContent = ""; return; }
    const at = row * found.channels + column, value = (one) => one[at].toPrecision(4).replace("-", "−");
    this.pointed.textContent = fill(this.words.gram_point, { k: row, l: column, aim: value(found.aim), own: value(found.own) });
  }
}
