// The narrow column of every tab: what can be chosen and turned there.
import { make, fill } from "../shared/dom.js";
import { choiceField, flagField, group, rangeField, selectField } from "../shared/fields.js";

export class TabControls {
  constructor(root, words, change) {
    this.root = root; this.words = words; this.change = change;
    this.fields = {};
    const put = (name, field) => { this.fields[name] = field; return field; };
    const seed = () => rangeField(words.seed, 0, 50, 1, (value) => change({ seed: value }));
    const again = { layer: "", cin: 0, cout: 0, side: 0, stride: "usual" };
    this.panels = {
      blocks: group(words.group_block, true,
        put("block", selectField(words.block, Object.keys(words.blocks).map((id) => [id, words[`block_${id}`]]), (block) => change({ ...again, block }))),
        put("factor", rangeField(words.factor, 0, 1.5, 0.05, (factor) => change({ factor }))), put("zero", { element: make("button", { class: "cs-button wide", onclick: () => change({ factor: 0 }) }, words.make_zero) }),
        put("shortcut", flagField(words.shortcut, (shortcut) => change({ shortcut, layer: "" }))),
        put("bottleneck", flagField(words.bottleneck, (bottleneck) => change({ bottleneck, layer: "" }))),
        put("in_channels", rangeField(words.in_channels, 1, 256, 1, (cin) => change({ cin }))), put("out_channels", rangeField(words.out_channels, 1, 256, 1, (cout) => change({ cout }))),
        put("size", rangeField(words.side, 8, 160, 1, (side) => change({ side }))),
        put("kernel_size", choiceField(words.kernel, ["1", "3", "5", "7", "9"].map((k) => [k, k]), (k) => change({ k }))),
        put("stride", choiceField(words.stride, ["1", "2"].map((s) => [s, s]), (stride) => change({ stride, layer: "" }))),
        put("expansion", rangeField(words.expansion, 1, 8, 1, (t) => change({ t, layer: "" }))), put("seed", seed())),
      networks: group(words.group_network, true, put("net", selectField(words.network, words.networks, (net) => change({ net, layer: "" }))), put("facts", { element: make("p", { class: "facts" }) })),
      depth: group(words.group_depth, true, put("units", rangeField(words.depth_layers, 1, 50, 1, (units) => change({ units }))),
        put("gain", rangeField(words.gain, 0.3, 1.5, 0.05, (gain) => change({ gain }))), put("norm", flagField(words.norm, (norm) => change({ norm }))), put("depth_seed", seed()),
        { element: make("p", { class: "facts" }, words.depth_facts) }),
      scaling: group(words.group_scaling, true, put("mode", choiceField(words.mode, ["compound", "depth", "width", "resolution"].map((id) => [id, words[`mode_${id}`]]), (mode) => change({ mode }))),
        put("phi", rangeField("φ", 0, 7, 0.1, (phi) => change({ phi }))), put("alpha", rangeField(words.alpha, 1, 2, 0.01, (alpha) => change({ alpha }))), put("beta", rangeField(words.beta, 1, 2, 0.01, (beta) => change({ beta }))), put("gamma", rangeField(words.gamma, 1, 2, 0.01, (gamma) => change({ gamma }))),
        put("paper", { element: make("button", { class: "cs-button wide", onclick: () => change({ alpha: 1.2, beta: 1.1, gamma: 1.15, mode: "compound" }) }, words.as_paper) }), put("budget", { element: make("p", { class: "facts" }) })),
      builder: group(words.group_builder, true, put("preset", selectField(words.preset, [["", "–"], ...Object.entries(words.presets).map(([id, text]) => [text, words[`preset_${id}`]])], (stack) => { if (stack) change({ stack, layer: "" }); })),
        put("builder_size", choiceField(words.picture_size, ["32", "64", "96", "128"].map((size) => [size, size]), (size) => change({ size }))), put("builder_seed", seed()), { element: make("p", { class: "facts" }, words.builder_facts) }),
    };
    root.replaceChildren(...Object.values(this.panels));
  }

  sync(settings, table) {
    const { words, fields } = this;
    for (const [tab, panel] of Object.entries(this.panels)) panel.classList.toggle("cs-hidden", tab !== settings.tab);
    for (const name of ["block", "net", "factor", "shortcut", "bottleneck", "seed", "units", "gain", "norm", "mode", "phi", "alpha", "beta", "gamma"]) fields[name].set(settings[name]);
    const block = words.blocks[settings.block], uses = new Set(block.uses);
    for (const name of ["in_channels", "out_channels", "size", "kernel_size", "stride", "expansion", "factor", "shortcut", "bottleneck"]) fields[name].element.classList.toggle("cs-hidden", !uses.has(name));
    fields.zero.element.classList.toggle("cs-hidden", !uses.has("factor"));
    fields.in_channels.set(settings.cin || block.cin); fields.out_channels.set(settings.cout || block.cout); fields.size.set(settings.side || block.side);
    fields.kernel_size.set(settings.k); fields.stride.set(settings.stride === "usual" ? block.stride : settings.stride); fields.expansion.set(settings.t);
    fields.depth_seed.set(settings.seed); fields.builder_seed.set(settings.seed); fields.builder_size.set(settings.size);
    fields.preset.set(Object.values(words.presets).includes(settings.stack) ? settings.stack : "");
    if (table && settings.tab === "networks") fields.facts.element.textContent = words[`weights_${table.weights}`];
    const budget = settings.alpha * settings.beta ** 2 * settings.gamma ** 2;
    fields.budget.element.textContent = fill(words.budget, { budget: budget.toFixed(2) });
  }
}
