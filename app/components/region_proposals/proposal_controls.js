// The narrow column: where regions come from, which groupings are put together, how many are drawn, whose tree is shown.
import { make, fill } from "../shared/dom.js";
import { choiceField, group, rangeField, selectField } from "../shared/fields.js";

export class ProposalControls {
  constructor(root, words, screen) {
    this.words = words;
    this.source = choiceField(words.source, ["search", "network"].map((id) => [id, words[`source_${id}`]]), (source) => screen.change({ source }));
    this.n = rangeField(words.shown_regions, 1, 2000, 1, (n) => screen.turn({ n }));
    this.net = selectField(words.network, words.nets, (net) => screen.change({ net }));
    this.netNote = make("p", { class: "facts" });
    this.strategies = make("div", { class: "strategies" });
    this.tree = selectField(words.tree, [], (tree) => screen.change({ tree: Number(tree), step: -1 }));
    this.seed = rangeField(words.seed, 0, 20, 1, (seed) => screen.change({ seed }));
    this.clear = make("button", { class: "cs-button wide", onclick: () => screen.clear() }, words.clear_boxes);
    this.screen = screen;
    this.regions = group(words.group_regions, true, this.source, this.n, this.clear);
    this.search = group(words.group_search, true, this.strategies, this.tree, this.seed);
    this.detector = group(words.group_network, true, this.net, this.netNote);
    root.replaceChildren(this.regions, this.search, this.detector);
  }

  build(strategies) {
    this.built = true;
    const name = (number) => this.screen.strategyName(strategies[number]);
    this.boxes = strategies.map((_, i) => make("input", { type: "checkbox", id: `proposal-strategy-${i}`, onchange: () => this.toggled() }));
    this.strategies.replaceChildren(...this.boxes.map((box, i) => make("div", { class: "field flag" }, box, make("label", { for: box.id }, name(i)))));
    this.tree.input.replaceChildren(...strategies.map((_, i) => make("option", { value: String(i) }, name(i))));
  }

  toggled() {
    const chosen = this.boxes.flatMap((box, i) => (box.checked ? [i] : []));
    if (!chosen.length) { this.sync(this.screen.settings, this.screen.block); return; }
    this.screen.change({ strategies: chosen.join(""), ...(chosen.includes(this.screen.settings.tree) ? {} : { tree: chosen[0], step: -1 }) });
  }

  sync(settings, block) {
    if (!this.built) this.build(block.strategies);
    const regions = settings.tab === "regions";
    this.regions.classList.toggle("cs-hidden", !regions);
    this.tree.element.classList.toggle("cs-hidden", !regions);
    this.detector.classList.toggle("cs-hidden", regions && settings.source !== "network");
    this.source.set(settings.source); this.n.set(settings.n); this.net.set(settings.net); this.seed.set(settings.seed); this.tree.set(String(block.tree.number));
    this.boxes.forEach((box, i) => { box.checked = settings.strategies.includes(String(i)); });
    for (const option of this.tree.input.options) option.disabled = !settings.strategies.includes(option.value);
    const told = block.network || block.generations;
    this.netNote.textContent = told ? (told.trained ? this.words.net_trained : this.words.net_random) + (block.network ? ` ${fill(this.words.net_facts, { anchors: block.network.anchors.toLocaleString("en-US"), levels: block.network.levels.map((level) => level.join(" × ")).join(", ") })}` : "") : "";
  }
}
