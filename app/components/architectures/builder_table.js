// The builder: the person's layers, one editable row each, with the shape and the maps that come out of it.
import { make, fill } from "../shared/dom.js";
import { readNumber } from "../shared/numbers.js";
import { BuilderWords } from "./builder_words.js";
import { costCell, shapeText, totals } from "./layer_cells.js";
import { thumbCanvas } from "./thumb.js";

const SHORT = { max: "k", avg: "k", up: "×", drop: "%" };
const GROUPS = ["learned", "block", "pooling", "activation", "shape"];

export class BuilderTable {
  constructor(words, change, choose) {
    Object.assign(this, { words, change, choose, shown: null, layers: [] });
    this.reader = new BuilderWords(words.kinds);
    this.sum = make("p", { class: "totals" });
    this.body = make("tbody");
    const head = ["maps", "layer", "numbers", "output", "parameters", "work"].map((name) => make("th", { class: name, title: words[`column_${name}_hint`] || null }, words[`column_${name}`]));
    this.add = make("div", { class: "add" }, make("span", { class: "quiet" }, words.add_layer),
      ["conv", "relu", "max", "bn", "res", "gap", "flat", "fc"].map((name) => make("button", { class: "cs-button", "data-add": name, onclick: () => this.append(name) }, words[`layer_${name}`])));
    this.element = make("section", { class: "builder-table" }, this.sum, make("div", { class: "builder-scroll" }, make("table", {}, make("thead", {}, make("tr", {}, head, make("th"))), this.body)), this.add);
  }

  show(text, table, chosen, error) {                      // table: of the newest network that could be run
    if (text !== this.shown) { this.shown = text; this.layers = this.reader.read(text); this.structure = ""; }
    const structure = this.layers.map((layer) => layer.name).join();
    if (structure !== this.structure) { this.structure = structure; this.build(); }
    this.fill(table, chosen, error);
  }

  build() {
    this.lines = this.layers.map((layer, i) => this.line(layer, i));
    this.input = make("tr", { class: "input", onclick: () => this.choose(this.inputName) }, make("td", { class: "maps" }), make("td", { colspan: "2", class: "layer" }, make("b", {}, this.words.op_input)), make("td", { class: "output" }), make("td"), make("td"), make("td"));
    this.body.replaceChildren(this.input, ...this.lines.flatMap(({ row, message }) => [row, message]));
  }

  line(layer, i) {
    const { words } = this, kind = this.reader.kinds.get(layer.name);
    const select = make("select", { "aria-label": fill(words.layer_number, { n: i + 1 }), onchange: () => { this.layers[i] = this.reader.filled(select.value, {}); this.tell(); } },
      GROUPS.map((group) => make("optgroup", { label: words[`group_${group}`] }, words.kinds.filter((each) => each.group === group)
        .map((each) => make("option", { value: each.name, selected: each.name === layer.name }, words[`layer_${each.name}`])))),
      kind ? null : make("option", { value: "?", selected: true }, layer.word));
    const inputs = (kind?.numbers || []).map(([letter, low, high]) => this.number(layer, i, letter, low, high));
    const row = make("tr", { "data-place": i + 1, onclick: (event) => { if (!event.target.closest("button, input, select")) this.choose(String(i)); } },
      make("td", { class: "maps" }), make("td", { class: "layer" }, select), make("td", { class: "numbers" }, make("div", {}, inputs.map(({ label }) => label))),
      make("td", { class: "output" }), make("td"), make("td"),
      make("td", { class: "tools" }, make("button", { class: "tool", title: words.move_up, "aria-label": `${words.move_up} ${i + 1}`, disabled: i === 0, onclick: () => this.swap(i) }, "↑"),
        make("button", { class: "tool", title: words.copy_layer, "aria-label": `${words.copy_layer} ${i + 1}`, disabled: this.layers.length >= words.most_layers, onclick: () => { this.layers.splice(i + 1, 0, { ...layer, numbers: { ...layer.numbers } }); this.tell(); } }, "+"),
        make("button", { class: "tool", title: words.remove_layer, "aria-label": `${words.remove_layer} ${i + 1}`, disabled: this.layers.length < 2, onclick: () => { this.layers.splice(i, 1); this.tell(); } }, "×")));
    return { row, inputs, message: make("tr", { class: "message cs-hidden" }, make("td", { colspan: "7", role: "alert" })) };
  }

  number(layer, i, letter, low, high) {
    const name = this.words[`number_${letter || layer.name}`] || this.words.number_c, short = letter || SHORT[layer.name] || this.words.out_short;
    const input = make("input", { type: "text", inputmode: "numeric", value: String(layer.numbers[letter]), "aria-label": `${name}, ${fill(this.words.layer_number, { n: i + 1 })}`,
      oninput: () => {
        const typed = readNumber(input.value);
        if (typed === null || typed < low || typed > high) { input.classList.add("wrong"); return; }
        input.classList.remove("wrong");
        this.typed(i, letter, Math.round(typed));
      }, onchange: () => { input.classList.remove("wrong"); input.value = String(this.layers[i].numbers[letter]); } });
    return { letter, input, label: make("label", { title: name, "data-letter": letter }, make("small", {}, short), input) };
  }

  typed(i, letter, value) {                               // what follows from a number (padding "same", a pool's stride) follows it
    const layer = this.layers[i], before = { ...layer.numbers };
    const own = Object.fromEntries(this.reader.kinds.get(layer.name).numbers.filter(([other, , , usual]) => before[other] !== this.reader.usual(before, usual)).map(([other]) => [other, before[other]]));
    this.layers[i] = this.reader.filled(layer.name, { ...own, "": before[""], [letter]: value });
    this.shown = this.reader.write(this.layers);
    this.lines[i].inputs.forEach(({ letter: other, input }) => { if (other !== letter) input.value = String(this.layers[i].numbers[other]); });
    this.change(this.shown);
  }

  swap(i) { [this.layers[i - 1], this.layers[i]] = [this.layers[i], this.layers[i - 1]]; this.tell(); }

  append(name) {
    if (this.layers.length >= this.words.most_layers) return;
    this.layers.push(this.reader.filled(name, {}));
    this.tell();
  }

  tell() { this.shown = this.reader.write(this.layers); this.structure = this.layers.map((layer) => layer.name).join(); this.build(); this.change(this.shown); }

  fill(table, chosen, error) {
    const rows = table?.rows || [], last = error ? error.layer - 1 : this.layers.length;
    const most = { parameters: Math.max(...rows.map((row) => row.parameters), 1), work: Math.max(...rows.map((row) => row.multiply_adds), 1) };
    this.sum.textContent = error || !table ? "" : totals(this.words, table);
    this.inputName = rows[0]?.name;
    if (rows[0]) { this.put(this.input, rows[0], table.thumbs); this.input.classList.toggle("chosen", chosen === rows[0].name); }
    this.lines.forEach(({ row, message }, i) => {
      const found = i < last ? rows[i + 1] : null, wrong = Boolean(error) && i === error.layer - 1;
      row.classList.toggle("wrong", wrong); row.classList.toggle("chosen", Boolean(found) && found.name === chosen); row.classList.toggle("waiting", i >= last);
      message.classList.toggle("cs-hidden", !wrong);
      if (wrong) message.firstChild.textContent = error.text;
      this.put(row, found, table?.thumbs);
      row.replaceChild(!found ? make("td") : costCell(found.parameters, most.parameters, "parameters"), row.children[4]);
      row.replaceChild(!found ? make("td") : costCell(found.multiply_adds, most.work, "work"), row.children[5]);
    });
  }

  put(row, found, thumbs) {
    row.firstChild.replaceChildren(...(found ? [thumbCanvas(found.thumb, thumbs, 30, 94)] : []));
    row.querySelector(".output").textContent = found ? shapeText(found.shape) : "";
  }
}
