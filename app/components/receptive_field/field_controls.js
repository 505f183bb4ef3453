// The narrow column: which network, its weights, the person's own layers, and what is drawn.
import { make, fill } from "../shared/dom.js";
import { choiceField, flagField, group, rangeField, selectField } from "../shared/fields.js";
import { readableCount } from "../shared/numbers.js";
import { StackEditor } from "./stack_editor.js";

export class FieldControls {
  constructor(root, words, change) {
    this.words = words; this.change = change;
    this.facts = make("p", { class: "facts" });
    this.stack = make("button", { class: "cs-button stack-own", onclick: () => change({ net: "stack", layer: "", row: -1, column: -1, px: -1, py: -1 }) }, words.stack_own);
    this.weights = choiceField(words.weights, ["trained", "random", "average"].map((id) => [id, words[`weights_${id}`], words[`weights_${id}_hint`]]), (weights) => change({ weights }));
    this.seed = rangeField(words.seed, 0, 50, 1, (seed) => change({ seed }));
    const presets = Object.entries(words.presets).map(([id, text]) => [text, words[`preset_${id}`]]);
    this.preset = selectField(words.preset, [["", words.preset_none], ...presets], (stack) => { if (stack) change({ stack, layer: "", row: -1, column: -1 }); });
    this.editor = new StackEditor(words, (stack) => change({ stack, layer: "", row: -1, column: -1 }));
    this.relu = flagField(words.relu, (relu) => change({ relu, layer: "" }), words.relu_hint);
    this.size = choiceField(words.size, ["32", "64", "96", "160", "224"].map((id) => [id, id]), (size) => change({ size, row: -1, column: -1, px: -1, py: -1 }));
    this.heat = flagField(words.heat, (heat) => change({ heat }), words.heat_hint);
    this.nested = flagField(words.nested, (nested) => change({ nested }), words.nested_hint);
    this.unmeasured = make("p", { class: "facts" }, words.too_large);
    this.all = flagField(words.all_layers, (all) => change({ all }), words.all_layers_hint);
    this.middle = make("button", { class: "cs-button", onclick: () => change({ row: -1, column: -1, px: -1, py: -1 }) }, words.middle);
    this.own = group(words.group_stack, true, this.preset, this.editor, this.relu, this.size);
    this.view = group(words.group_view, true, this.nested, this.heat, this.unmeasured, this.weights, this.seed, this.all, this.middle);
    this.view.classList.add("view-group");
    root.replaceChildren(group(words.group_network, true, this.facts, this.stack), this.own, this.view);
  }

  sync(settings, network, picture, error) {
    const { words } = this, own = settings.net === "stack";
    this.own.classList.toggle("cs-hidden", !own);
    this.stack.classList.toggle("cs-hidden", own);
    this.unmeasured.classList.toggle("cs-hidden", !network || Boolean(error) || network.choices.length > 0);
    this.preset.set(Object.values(words.presets).includes(settings.stack) ? settings.stack : "");
    this.editor.show(settings.stack, error ? error.layer : 0);
    this.relu.set(settings.relu); this.size.set(settings.size);
    this.heat.set(settings.heat); this.nested.set(settings.nested); this.all.set(settings.all);
    this.seed.set(settings.seed);
    if (error && !own) this.facts.textContent = "";
    if (!network || (error && !own)) return;
    const [, height, width] = picture.shape;
    this.facts.textContent = fill(words.facts, { parameters: readableCount(network.parameters), w: width, h: height, layers: network.layers.length });
    this.weights.set(network.weights);
    this.weights.inputs.forEach((input) => {
      const there = network.choices.includes(input.value);
      input.nextSibling.classList.toggle("cs-hidden", !there);
      input.disabled = !there;
    });
    const draws = settings.heat && network.choices.length > 0;
    this.weights.element.classList.toggle("cs-hidden", !draws || network.choices.length < 2);
    this.seed.element.classList.toggle("cs-hidden", !draws || network.weights === "trained");
    this.heat.input.disabled = !network.choices.length;
  }
}
