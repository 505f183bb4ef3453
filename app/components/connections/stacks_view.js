// Small filters one after another against a single large one: the same field, other costs.
import { fill, make } from "../shared/dom.js";
import { stackCost, stackOf } from "./counts.js";

export class StacksView {
  constructor(root, words) {
    this.words = words;
    this.columns = ["stack", "single"].map((name) => { const list = make("div", { class: "layer-list" }), facts = make("div", { class: "stack-facts" }), field = make("div", { class: "field-cells", role: "img" }); return { name, list, facts, field, element: make("div", { class: "stack-column", "data-stack": name }, make("h3", {}), list, make("div", { class: "stack-under" }, field, facts)) }; });
    this.verdict = make("p", { class: "sentence" });
    root.replaceChildren(make("div", { class: "stack-columns" }, this.columns.map(({ element }) => element)), this.verdict);
  }

  show(settings) {
    const { words } = this, sides = stackOf(settings.compare, settings.c), costs = sides.map(stackCost), most = Math.max(...costs.map(({ total }) => total)), number = (value) => value.toLocaleString("en-US");
    this.columns.forEach(({ name, list, facts, field, element }, place) => {
      const layers = sides[place], cost = costs[place];
      element.querySelector("h3").textContent = words[`${settings.compare}_${name}`];
      list.replaceChildren(...layers.map(([h, w, before, after], i) => make("div", { class: "layer-row" }, make("b", {}, `${h} × ${w}`), make("span", {}, `${before} → ${after}`), make("span", { class: "bar" }, bar(cost.weights[i] / most)), make("span", { class: "weights" }, `${h}·${w}·${before}·${after} = ${number(cost.weights[i])}`))));
      const fact = (label, value, id) => make("div", { class: "fact" }, make("span", {}, label), make("b", id ? { "data-fact": `${name}-${id}` } : {}, value));
      facts.replaceChildren(fact(words.fact_weights, number(cost.total), "weights"), fact(words.fact_parts, partsOf(cost.total, settings.c)), fact(words.fact_pair, number(cost.pair), "pair"), fact(words.fact_field, cost.field.join(" × "), "field"), fact(words.fact_bends, String(cost.bends)));
      const [h, w] = cost.field, side = Math.max(...costs.flatMap((one) => one.field));
      field.style.gridTemplateColumns = `repeat(${side}, 18px)`;
      field.setAttribute("aria-label", `${words.fact_field} ${h} × ${w}`);
      field.replaceChildren(...Array.from({ length: side * side }, (_, i) => make("i", { class: ringOf(layers, Math.floor(i / side) - (side - 1) / 2, i % side - (side - 1) / 2) })));
    });
    this.verdict.textContent = fill(words.stack_verdict, { part: (100 * costs[0].total / costs[1].total).toFixed(1), bends: costs[0].bends });
  }

  close() {}
}

function bar(part) { const line = make("i"); line.style.width = `${100 * part}%`; return line; }

function partsOf(total, c) { const parts = total / (c * c); return `${Number.isInteger(parts) ? parts : parts.toFixed(2)} C²`; }

function ringOf(layers, row, column) {                     // how many layers it takes until this pixel is seen
  let [high, wide] = [0, 0];
  for (let place = layers.length - 1; place >= 0; place -= 1) {
    high += (layers[place][0] - 1) / 2; wide += (layers[place][1] - 1) / 2;
    if (Math.abs(row) <= high && Math.abs(column) <= wide) return `ring ring-${layers.length - place}`;
  }
  return "";
}
