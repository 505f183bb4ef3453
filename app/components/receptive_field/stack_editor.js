// The person's own layers, one row each: kind, size, stride, padding, dilation.
import { make } from "../shared/dom.js";
import { readNumber } from "../shared/numbers.js";
import { MOST_STACKED, STACK_KINDS, freshLayer, readStack, writeStack } from "./stack_words.js";

const NUMBERS = [["k", 1, 15], ["s", 1, 8], ["p", 0, 15], ["d", 1, 16]];
const UNUSED = { u: ["s", "p", "d"], a: ["d"] };

export class StackEditor {
  constructor(words, change) {
    this.words = words; this.change = change; this.layers = []; this.shown = null;
    this.rows = make("div", { class: "stack-rows" });
    this.element = make("div", { class: "stack-editor" },
      make("div", { class: "stack-row stack-head" }, make("span", {}, words.kind), ...NUMBERS.map(([name]) => make("abbr", { title: words[`number_${name}`] }, name)), make("span")),
      this.rows,
      make("div", { class: "stack-add" }, ["c", "m", "t"].map((kind) => make("button", { class: "cs-button", onclick: () => this.add(kind), "data-add": kind }, `+ ${words[`kind_${STACK_KINDS[kind]}`]}`))));
  }

  show(text, wrong) {                                     // wrong: number of the layer that does not fit, from 1, or 0
    if (text !== this.shown) { this.shown = text; this.layers = readStack(text); this.build(); }
    [...this.rows.children].forEach((row, i) => row.classList.toggle("wrong", i + 1 === wrong));
  }

  build() {
    this.rows.replaceChildren(...this.layers.map((layer, i) => {
      const select = make("select", { "aria-label": `${this.words.kind} ${i + 1}`, onchange: () => { this.layers[i] = freshLayer(select.value); this.tell(); } },
        Object.entries(STACK_KINDS).map(([letter, kind]) => make("option", { value: letter, selected: letter === layer.kind }, this.words[`kind_${kind}`])));
      const numbers = NUMBERS.map(([name, low, high]) => {
        const input = make("input", { type: "text", inputmode: "numeric", value: layer[name], disabled: (UNUSED[layer.kind] || []).includes(name),
          "aria-label": `${this.words[`number_${name}`]}, ${this.words.layer} ${i + 1}`, onchange: () => this.typed(i, name, input, low, high) });
        return input;
      });
      return make("div", { class: "stack-row" }, select, ...numbers,
        make("button", { class: "remove", title: this.words.remove_layer, "aria-label": `${this.words.remove_layer} ${i + 1}`, disabled: this.layers.length < 2, onclick: () => { this.layers.splice(i, 1); this.tell(); } }, "×"));
    }));
  }

  typed(i, name, input, low, high) {
    const typed = readNumber(input.value), layer = this.layers[i];
    if (typed === null) { input.value = layer[name]; return; }
    const value = Math.min(Math.max(Math.round(typed), low), high), pool = "ma".includes(layer.kind);
    if (name === "k" && pool && layer.s === layer.k) layer.s = Math.min(value, 8);
    layer[name] = value;
    this.tell();
  }

  add(kind) {
    if (this.layers.length >= MOST_STACKED) return;
    this.layers.push(freshLayer(kind));
    this.tell();
  }

  tell() { this.shown = writeStack(this.layers); this.build(); this.change(this.shown); }
}
