// The microscope: patch × filter = products, channel sums, bias, value, activation and pooling of one output cell, in numbers
// that add up as printed.
import { make, fill } from "../shared/dom.js";
import { plainNumber, setText } from "../shared/numbers.js";
import { NumberGrid, signedTint } from "../shared/number_grid.js";
import { printed, printedTerms, unitsOf } from "../shared/terms.js";

const MOST_CHANNELS = 32;

export class Microscope {
  constructor(root) { this.root = root; this.lenses = []; }

  show(lanes, cells, words) {
    this.root.classList.toggle("two", lanes.length > 1);
    lanes.forEach((lane, i) => {
      const lens = this.lenses[i] ||= this.newLens();
      lens.element.classList.toggle("waiting", !lane.result || lane.draft || Boolean(lane.error));
      if (!lane.result || lane.draft || lane.error || !cells?.[i]) return;
      const { row, column, pool } = cells[i];
      if (lens.lane !== lane.result || lens.words !== words) this.prepare(lens, lane, words, lanes.length > 1 ? "AB"[i] : "");
      this.update(lens, lane, row, column, pool || lane.poolCell(row, column));
    });
    while (this.lenses.length > lanes.length) this.lenses.pop().element.remove();
  }

  newLens() {
    const lens = { rows: [], channels: make("div", { class: "channels" }), sum: make("div", { class: "equation" }), pool: make("div", { class: "pool-lens" }) };
    lens.title = make("h3", {});
    lens.element = make("div", { class: "lens" }, lens.title, lens.channels, make("div", { class: "results" }, lens.sum, lens.pool));
    this.root.append(lens.element);
    return lens;
  }

  prepare(lens, lane, words, tag) {                       // what does not change from cell to cell
    Object.assign(lens, { lane: lane.result, words, tag });
    const { geometry, index, bias } = lane.result, count = geometry.channels / geometry.groups, own = count * geometry.kernel ** 2;
    const weights = lane.arrays.weights.data.subarray(index * own, (index + 1) * own), whole = isWhole(lane, weights, bias[index]);
    lens.whole = whole;
    const range = lane.inputRange() || [0, 255], most = Math.max(Math.abs(range[0]), Math.abs(range[1]));
    lens.weightDigits = weightDigits(weights);
    lens.patchDigits = lane.input.data instanceof Float32Array || lane.input.data instanceof Float64Array ? 2 : 0;
    lens.limit = whole ? 0 : most * lane.weightLimit >= 1000 ? 2 : most * lane.weightLimit >= 10 ? 3 : 5;
    lens.most = [most, lane.weightLimit, most * lane.weightLimit];
    lens.widths = [width(most, lens.patchDigits, range[0] < 0), width(lane.weightLimit, lens.weightDigits, true), width(lens.most[2], lens.limit, true)];
    lens.small = geometry.kernel > 5;
    lens.element.classList.toggle("small", lens.small);
    const shown = Math.min(count, MOST_CHANNELS);
    while (lens.rows.length < shown) {
      const row = { patch: new NumberGrid(), weight: new NumberGrid(), products: new NumberGrid(), label: make("span", { class: "channel" }), sum: make("output", { class: "channel-sum" }) };
      row.element = make("div", { class: "channel-row" }, row.label, row.patch.element, make("span", { class: "sign" }, "×"), row.weight.element,
        make("span", { class: "sign" }, "="), row.products.element, make("span", { class: "sign" }, "Σ"), row.sum);
      lens.rows.push(row); lens.channels.append(row.element);
    }
    while (lens.rows.length > shown) lens.rows.pop().element.remove();
    lens.rows.forEach((row, c) => {
      row.label.textContent = count > 1 ? channelName(c, count) : "";
      row.patch.caption.textContent = c ? "" : words.patch;
      row.weight.caption.textContent = c ? "" : words.filter;
      row.products.caption.textContent = c ? "" : words.products;
    });
    lens.pool.replaceChildren();
    lens.poolGrid = null;
  }

  update(lens, lane, row, column, pooled) {
    const { words, whole } = lens, size = lane.geometry.kernel;
    const terms = lane.termsAt(row, column);
    const print = printedTerms(terms.channels.map((channel) => channel.products), terms.bias, terms.value, whole, lens.limit);
    setText(lens.title, `${lens.tag ? lens.tag + " · " : ""}${fill(words.microscope_at, { row, column, map: lane.result.index + 1 })}`);
    lens.rows.forEach((line, c) => {
      const { patch, weight, products, padding } = terms.channels[c];
      line.patch.set(size, size, patch.map((value) => printed(unitsOf(value, lens.patchDigits), lens.patchDigits)), lens.widths[0],
        (i) => (padding[i] ? [245, 166, 35, 0.3] : [128, 134, 148, 0.34 * Math.min(Math.abs(patch[i]) / (lens.most[0] || 1), 1)]));
      line.weight.set(size, size, weight.map((value) => plainNumber(value, lens.weightDigits)), lens.widths[1], (i) => signedTint(weight[i], lens.most[1]));
      line.products.set(size, size, print.products[c].map((units) => printed(units, print.digits)), lens.widths[2], (i) => signedTint(products[i], lens.most[2]));
      setText(line.sum, printed(print.sums[c], print.digits));
    });
    this.equation(lens, lane, terms, print, row, column);
    this.pooling(lens, lane, pooled, print.digits);
    lens.printed = print;
  }

  equation(lens, lane, terms, print, row, column) {
    const { words } = lens, { activation } = lane.settings, parts = [];
    const term = (label, units, first) => {
      if (!first) parts.push([null, units < 0 ? "−" : "+"]);
      parts.push([label, printed(first ? units : Math.abs(units), print.digits), ""]);
    };
    const count = print.sums.length;
    if (count <= 4) print.sums.forEach((units, c) => term(count > 1 ? channelName(c, count) : words.sum, units, c === 0));
    else term(fill(words.sum_of, { n: count }), print.sums.reduce((a, b) => a + b, 0), true);
    term(words.bias, print.bias, false);
    parts.push([null, "="], ["z", printed(print.value, print.digits), "value"]);
    if (print.residual) parts.push([null, fill(words.rounding, { amount: printed(print.residual, print.digits) })]);
    if (activation !== "none") {
      const after = lane.after[row * lane.geometry.outputs[1] + column];
      const digits = activation === "relu" ? print.digits : 4;
      parts.push([null, "→"], [words[`activation_${activation}`], printed(unitsOf(after, digits), digits), "value after"]);
    }
    showParts(lens.sum, parts);
  }

  pooling(lens, lane, pooled, convDigits) {
    const { pooling } = lane.result, { words } = lens;
    if (!pooling || !pooled) { lens.pool.replaceChildren(); lens.poolGrid = null; return; }
    const { window: [top, bottom, left, right], winner } = lane.poolTerms(...pooled);
    const data = lane.after, across = lane.geometry.outputs[1], values = [];
    for (let row = top; row < bottom; row++) for (let column = left; column < right; column++) values.push(data[row * across + column]);
    const digits = ["sigmoid", "tanh"].includes(lane.settings.activation) ? 4 : lens.whole ? 0 : convDigits;
    if (!lens.poolGrid) {
      lens.poolGrid = new NumberGrid(words.window);
      lens.poolOut = make("div", { class: "equation" });
      lens.pool.replaceChildren(lens.poolGrid.element, make("span", { class: "sign" }, "→"), lens.poolOut);
    }
    const columns = right - left, limit = lane.scaleOf("before").limit;
    const wins = winner ? (winner[0] - top) * columns + winner[1] - left : -1;
    const texts = values.map((value) => printed(unitsOf(value, digits), digits));
    lens.poolGrid.set(bottom - top, columns, texts, Math.max(width(limit, digits, true), 5), (i) => (i === wins ? [245, 200, 60, 0.55] : signedTint(values[i], limit)));
    showParts(lens.poolOut, pooling.modes.map((mode) => {
      const value = lane.dataOf(`pool_${mode}`)[pooled[0] * pooling.outputs[1] + pooled[1]];
      const shown = Number.isInteger(value) ? 0 : Math.max(digits, 3);
      return [words[`pool_${mode}`], printed(unitsOf(value, shown), shown), "value"];
    }));
  }
}

// parts: [label, text, kind] or [null, sign]. Elements are kept from cell to cell; only what is written in them changes.
function showParts(line, parts) {
  const form = parts.map(([label, , kind]) => `${label} ${kind}`).join("|");
  if (line.form !== form) {
    line.form = form;
    line.texts = parts.map(([label]) => make(label === null ? "span" : "b", label === null ? { class: "sign" } : {}));
    line.replaceChildren(...parts.map(([label, , kind], i) => (label === null ? line.texts[i]
      : make("span", { class: `piece ${kind}` }, make("small", {}, label), line.texts[i]))));
  }
  parts.forEach(([, text], i) => setText(line.texts[i], text));
}

function isWhole(lane, weights, bias) {                    // whole numbers all through, so nothing is rounded and nothing needs decimals
  if (lane.result.whole) return true;
  const photo = lane.input.data instanceof Uint8Array || lane.input.data instanceof Int32Array;
  if (!photo || !Number.isInteger(bias) || !weights.every(Number.isInteger) || !lane.geometry.fill.every(Number.isInteger)) return false;
  const [low, high] = lane.inputRange() || [0, 255];
  return Math.max(-low, high) * weights.reduce((sum, weight) => sum + Math.abs(weight), Math.abs(bias)) < 2 ** 24;   // exact in float32
}

export function channelName(channel, count) { return count === 3 ? "RGB"[channel] : String(channel + 1); }

function width(most, digits, signed) { return String(Math.floor(most)).length + (digits ? digits + 1 : 0) + (signed ? 1 : 0) + 1; }

function weightDigits(weights) {                          // decimals that the weights need, at most 4
  let digits = 0;
  for (const weight of weights) {
    while (digits < 4 && Math.abs(weight * 10 ** digits - Math.round(weight * 10 ** digits)) > 1e-5) digits += 1;
  }
  return digits;
}
