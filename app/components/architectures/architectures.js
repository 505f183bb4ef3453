// Architectures in five tabs. Python side: app/pages/networks/architectures.py, app/figures/networks/architectures*.py.
import { make, fill } from "../shared/dom.js";
import { readableCount } from "../shared/numbers.js";
import { Instrument } from "../shared/instrument.js";
import { mounted } from "../shared/mounted.js";
import { BlockDrawing } from "./block_drawing.js";
import { BlockFacts } from "./block_facts.js";
import { BuilderTable } from "./builder_table.js";
import { DepthView } from "./depth_view.js";
import { operation, shapeText } from "./layer_cells.js";
import { MapsView } from "./maps_view.js";
import { NetworkTable } from "./network_table.js";
import { ScalingView } from "./scaling_view.js";
import { TabControls } from "./tab_controls.js";

const TABS = ["blocks", "networks", "depth", "scaling", "builder"];

class ArchitectureScreen extends Instrument {
  constructor(root) { super(root, "architectures", ["pictures", "tables", "maps", "depths"]); }

  useWords(words) {
    this.close_views();
    this.controls = new TabControls(this.find(".controls"), words, (values) => this.change(values));
    const choose = (layer) => this.change({ layer });
    this.views = {
      drawing: new BlockDrawing(words, choose), facts: new BlockFacts(words), before: new MapsView(words), maps: new MapsView(words), network: new NetworkTable(words, choose),
      builder: new BuilderTable(words, (stack) => this.change({ stack, layer: "" }), choose), depth: new DepthView(words), scaling: new ScalingView(words),
    };
    this.tabs = TABS.map((id) => make("button", { role: "tab", id: `arch-tab-${id}`, class: "tab", "data-tab": id, onclick: () => this.change({ tab: id, layer: "" }), onkeydown: (event) => this.tabKey(event, id) }, words[`tab_${id}`]));
    this.find(".tabs").replaceChildren(...this.tabs);
    this.find(".tabs").setAttribute("aria-label", words.title);
    this.laid = "";
  }

  close_views() { if (this.views) for (const view of Object.values(this.views)) view.close?.(); }

  close() { this.close_views(); super.close(); }

  change(values) {
    Object.assign(this.settings, values);
    this.controls.sync(this.settings, this.table);
    this.mark();
    this.exchange.ask();
  }

  mark() {
    for (const tab of this.tabs) { const chosen = tab.dataset.tab === this.settings.tab; tab.setAttribute("aria-selected", chosen); tab.tabIndex = chosen ? 0 : -1; }
  }

  tabKey(event, id) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = TABS[(TABS.indexOf(id) + step + TABS.length) % TABS.length];
    this.change({ tab: next, layer: "" });
    this.tabs[TABS.indexOf(next)].focus();
  }

  take(block) {
    const { arrays } = block, picture = this.keep("pictures", { ...block.picture, image: arrays.picture }, arrays.picture);
    if (!picture) { this.exchange.askAgain(); return; }
    this.picture = picture; this.block = block; this.error = block.error || null;
    if (block.depth) { this.depth = this.keep("depths", { ...block.depth, tiles: arrays.tiles?.data }, arrays.tiles); if (!this.depth) { this.exchange.askAgain(); return; } }
    if (block.table) {
      const table = this.keep("tables", { ...block.table, thumbs: arrays.thumbs?.data }, arrays.thumbs), maps = this.keep("maps", { ...block.maps, values: arrays.maps }, arrays.maps || !block.maps.total);
      if (!table || !maps) { this.exchange.askAgain(); return; }
      this.table = table; this.maps = maps; this.before = block.before && this.keep("maps", { ...block.before, values: arrays.before }, arrays.before);
      if (block.before && !this.before) { this.exchange.askAgain(); return; }
    }
    this.show();
    this.ready += 1;
  }

  fail(sentence) {
    const box = this.find(".notice");
    box.classList.remove("cs-hidden");
    box.textContent = sentence[this.words.language];
  }

  refresh() { if (this.block) { this.views.depth.draw(); this.views.scaling.draw(); this.views.maps.layout(true); this.views.before.layout(true); } }

  lay(tab) {                                              // which views stand in the pane
    if (this.laid === tab) return;
    this.laid = tab;
    const { drawing, facts, before, maps, network, builder, depth, scaling } = this.views, pane = this.find(".pane");
    pane.className = `pane ${tab}`;
    pane.setAttribute("aria-labelledby", `arch-tab-${tab}`);
    const parts = { blocks: [drawing, this.under = make("div", { class: "under" }, before.element, maps.element, facts.element)], networks: [network, maps], depth: [depth], scaling: [scaling], builder: [builder, maps] }[tab];
    pane.replaceChildren(...parts.map((part) => part.element || part));
  }

  show() {
    const { settings, words, views, error, block } = this, { tab } = block.settings;
    this.find(".notice").classList.add("cs-hidden");
    this.mark();
    this.lay(tab);
    this.controls.sync(settings, this.table);
    if (tab === "depth") { views.depth.show(this.depth, this.depth.tiles); return; }
    if (tab === "scaling") { views.scaling.show(block.scaling, this.picture); return; }
    const told = error ? { layer: error.layer, text: this.sentence(error) } : null, table = block.table ? this.table : null;
    if (tab === "builder") views.builder.show(block.settings.stack, table, this.maps?.row, told);
    views.maps.element.classList.toggle("cs-hidden", !table);
    this.find(".heard").textContent = told ? told.text : "";
    if (!table) return;
    if (tab === "blocks") { views.drawing.show(table, this.maps.row); views.facts.show(table, block.settings, block.settings.block); }
    if (tab === "networks") views.network.show(table, this.maps.row);
    const row = table.rows.find((each) => each.name === this.maps.row);
    if (tab === "blocks") {
      this.under.classList.toggle("paired", Boolean(this.before)); views.before.element.classList.toggle("cs-hidden", !this.before);
      if (this.before) views.before.show(this.before, this.before.values, { name: words.op_input, shape: shapeText(table.rows[0].shape) });
    }
    views.maps.show(this.maps, this.maps.values || null, { name: tab === "builder" && row.kind !== "input" ? `${Number(row.name) + 1} · ${operation(row, words)}` : `${row.name} · ${operation(row, words)}`, shape: shapeText(row.shape) });
  }

  sentence({ code, layer, values }) {
    const shown = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, typeof value === "number" ? readableCount(value) : value]));
    return fill(this.words[`error_${code}`], { layer, ...shown });
  }
}

export default mounted(ArchitectureScreen, ".arch-screen");
