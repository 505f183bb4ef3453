// One element taken apart: input channels ranked by what they contribute, the products, bias and batch norm; they add up as printed.
import { fill, make } from "../shared/dom.js";
import { plainNumber } from "../shared/numbers.js";
import { NumberGrid, signedTint } from "../shared/number_grid.js";
import { printed, printedTerms, unitsOf } from "../shared/terms.js";
import { valueText } from "./unit_views.js";

const SHOWN = 8, SHOWN_SINGLE = 16, ALL = 512;

export function ranked(sums) { return Array.from(sums, (_, i) => i).sort((a, b) => Math.abs(sums[b]) - Math.abs(sums[a]) || a - b); }

export class MicroscopePanel {
  constructor(root, screen) { this.root = root; this.screen = screen; this.all = false; }

  show() {
    const { terms, words } = this.screen;
    if (!terms) { this.root.replaceChildren(make("p", { class: "hint" }, words.terms_none)); return; }
    const [channel, row, column] = terms.unit;
    const head = make("h3", {}, fill(words.terms_title, { layer: terms.layer, channel, row, column }));
    const note = this.screen.values.edits ? make("p", { class: "hint" }, words.terms_before_edits) : "";
    if (terms.kind !== "sum") { this.root.replaceChildren(head, note, this.passedOn(terms)); return; }
    this.root.replaceChildren(head, note, this.switches(terms), ...this.sum(terms));
  }

  switches(terms) {
    const { screen } = this, { words } = screen, node = screen.nodeOf(screen.layer), box = make("div", { class: "tools" });
    if (node.norm) box.append(make("label", { class: "tool" }, make("input", { type: "checkbox", "data-control": "folded", checked: screen.values.folded, onchange: (event) => screen.change({ folded: event.target.checked }) }), make("span", {}, words.folded)),
      make("button", { type: "button", class: "cs-button", onclick: () => screen.goTo(node.norm) }, fill(words.own_step, { name: node.norm })));
    for (const input of terms.reads) box.append(make("button", { type: "button", class: "cs-button", onclick: () => screen.goTo(input) }, fill(words.reads, { name: input })));
    return box;
  }

  passedOn(terms) {
    const { words } = this.screen;
    if (terms.kind === "none" || !terms.inputs.length) return make("p", { class: "hint" }, words.terms_no_sum);
    const rows = terms.inputs.map(([layer, channel, value]) => make("p", { class: "passed" }, make("button", { type: "button", class: "cs-button", onclick: () => this.screen.goTo(layer, channel) }, `${layer} [${channel}]`),
      make("b", {}, valueText(value)), make("span", {}, "→"), make("b", { class: "value" }, valueText(terms.value))));
    return make("div", {}, make("p", { class: "hint" }, words[terms.joined ? "terms_joined" : "terms_passed"]), rows);
  }

  sum(terms) {
    const { words } = this.screen, [count, height, width] = terms.shape, size = height * width;
    const products = Array.from({ length: count }, (_, c) => Array.from(terms.products.data.subarray(c * size, (c + 1) * size)));
    const print = printedTerms(products, terms.bias, terms.value, false, 5);
    this.print = print;
    const order = ranked(terms.sums.data), most = size === 1 ? SHOWN_SINGLE : SHOWN, shown = order.slice(0, this.all ? ALL : most);
    const limit = Math.max(...Array.from(terms.sums.data, Math.abs), 1e-12);
    const rows = size === 1 ? [this.table(terms, shown, print, limit)] : shown.map((c) => this.gridRow(terms, c, print, limit));
    const rest = order.slice(shown.length), left = rest.reduce((total, c) => total + print.sums[c], 0);
    const more = count > most ? make("button", { type: "button", class: "cs-button", onclick: () => { this.all = !this.all; this.show(); } }, this.all ? words.show_fewer : fill(words.show_all, { n: count })) : "";
    return [make("p", { class: "hint" }, fill(words[size === 1 ? "terms_hint_single" : "terms_hint"], { n: count })), make("div", { class: "term-rows" }, rows), more, this.equation(terms, print, shown, rest.length, left)];
  }

  label(terms, c) {
    const { words } = this.screen, channel = terms.channels[0] + c, joins = this.screen.nodeOf(terms.layer).joins;
    const from = joins ? terms.reads[c] : terms.reads[0], text = joins && from ? from : `${words.channel} ${channel}`;
    return make("button", { type: "button", class: "cs-link", title: from || null, onclick: () => { if (from) this.screen.goTo(from, joins ? this.screen.channel : channel); } }, text);
  }

  bar(value, limit) {
    const line = make("i"), share = 50 * Math.min(Math.abs(value) / limit, 1);
    line.className = value < 0 ? "minus" : "plus-bar"; line.style.width = `${share}%`; line.style.left = value < 0 ? `${50 - share}%` : "50%";
    return make("span", { class: "signed-bar", "aria-hidden": "true" }, line);
  }

  table(terms, shown, print, limit) {                      // 1×1: input × weight = product
    const { words } = this.screen, number = (value) => make("td", {}, plainNumber(value, 5));
    const head = make("tr", {}, ["term_from", "term_input", "term_weight", "term_product"].map((name) => make("th", {}, words[name])), make("th"));
    return make("table", { class: "term-table" }, make("thead", {}, head), make("tbody", {}, shown.map((c) => make("tr", {}, make("td", {}, this.label(terms, c)),
      number(terms.patch.data[c]), number(terms.weight.data[c]), make("td", {}, printed(print.sums[c], print.digits)), make("td", {}, this.bar(terms.sums.data[c], limit))))));
  }

  gridRow(terms, c, print, limit) {
    const { words } = this.screen, [, height, width] = terms.shape, size = height * width, at = c * size;
    const [patch, weight, product] = ["patch", "weight", "products"].map((name) => Array.from(terms[name].data.subarray(at, at + size)));
    const small = size > 25, digits = small ? 2 : 3, wide = 8;
    const grid = (title, texts, colour, room = wide) => { const made = new NumberGrid(title); made.set(height, width, texts, room, colour); return made.element; };
    const outside = (i) => { const r = terms.rows.data[Math.floor(i / width)], q = terms.columns.data[i % width], [, rows, columns] = this.screen.inputShape(terms); return r < 0 || q < 0 || r >= rows || q >= columns; };
    const tint = (values) => { const top = Math.max(...values.map(Math.abs), 1e-12); return (i) => signedTint(values[i], top); };
    const patchTint = tint(patch);
    return make("div", { class: `term-row${small ? " small" : ""}` }, make("div", { class: "term-head" }, this.label(terms, c), this.bar(terms.sums.data[c], limit), make("output", {}, printed(print.sums[c], print.digits))),
      make("div", { class: "term-grids" }, grid(words.patch, patch.map((v) => printed(unitsOf(v, digits), digits)), (i) => (outside(i) ? [245, 166, 35, 0.3] : patchTint(i))), make("span", { class: "sign" }, "×"),
        grid(words.filter, weight.map((v) => printed(unitsOf(v, digits), digits)), tint(weight)), make("span", { class: "sign" }, "="),
        grid(words.products, print.products[c].map((u) => printed(u, print.digits)), tint(product), print.digits + 5)));
  }

  equation(terms, print, shown, rest, left) {
    const { words } = this.screen, parts = [], head = shown.slice(0, 4);
    const add = (label, units) => { if (parts.length) parts.push(make("span", { class: "sign" }, units < 0 ? "−" : "+")); parts.push(make("span", { class: "part" }, make("small", {}, label), make("b", {}, printed(parts.length ? Math.abs(units) : units, print.digits)))); };
    head.forEach((c) => add(`${words.channel} ${terms.channels[0] + c}`, print.sums[c]));
    const others = shown.slice(4).reduce((total, c) => total + print.sums[c], 0) + left, count = shown.length - head.length + rest;
    if (count) add(fill(words.other_channels, { n: count }), others);
    add(words.bias, print.bias);
    parts.push(make("span", { class: "sign" }, "="), make("span", { class: "part" }, make("small", {}, words[terms.folded ? "value_folded" : "value"]), make("b", { class: "value" }, printed(print.value, print.digits))));
    if (print.residual) parts.push(make("span", { class: "hint" }, fill(words.rounding, { amount: printed(print.residual, print.digits) })));
    return make("div", { class: "equation" }, parts);
  }
}
