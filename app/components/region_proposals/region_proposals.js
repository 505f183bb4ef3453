// Region proposals. Python side: app/pages/detection/region_proposals.py, app/figures/detection/region_proposals*.py.
import { BoxEditor } from "../shared/box_editor.js";
import { fill, make } from "../shared/dom.js";
import { Instrument } from "../shared/instrument.js";
import { mounted } from "../shared/mounted.js";
import { readableCount } from "../shared/numbers.js";
import { StepPlayer } from "../shared/step_player.js";
import { CoverageChart } from "./coverage_chart.js";
import { GenerationsView, secondsText } from "./generations_view.js";
import { Merging } from "./merging.js";
import { ProposalControls } from "./proposal_controls.js";
import { FOUND_FROM, coverage } from "./recall.js";
import { WORK_OVER, WorkView } from "./work_view.js";

const TABS = ["regions", "generations"], LEFT_AT_FIRST = 40, ASK_AFTER = 400;

class ProposalScreen extends Instrument {
  constructor(root) {
    super(root, "region_proposals", ["pictures", "trees", "regions", "networks", "generations"]);
    this.editor = new BoxEditor({
      style: (item, i) => ({ colour: this.accent, weight: 2.5, text: this.covered ? this.overlapText(i) : "" }),
      change: (_, done) => this.drawn(done), under: (pen) => this.drawRegions(pen), over: (pen) => this.drawBest(pen),
    });
    this.editor.most = 5;
    this.editor.setEditable(true);
    this.editor.over.setAttribute("aria-describedby", "proposal-help");
    this.map = make("canvas", { class: "merge-map", role: "img", onpointermove: (event) => this.pointed(event), onpointerleave: () => { this.pointing = null; this.drawMerging(); } });
    this.captions = [make("figcaption"), make("figcaption")];
    this.readout = make("p", { class: "readout" });
    this.sentence = make("p", { class: "verdict" });
    this.observer = new ResizeObserver(() => this.layout());
    this.observer.observe(this.find(".pane"));
  }

  get accent() { return getComputedStyle(this.find(".pane")).getPropertyValue("--st-primary-color").trim() || "#b8127b"; }

  useWords(words) {
    this.controls = new ProposalControls(this.find(".controls"), words, this);
    this.player = new StepPlayer(words, (step) => this.turn({ step }), (at, count) => fill(words.merge_place, { at, last: count - 1 }), (count) => Math.max(count / 14, 4));
    this.counter = new StepPlayer({ ...words, scrub: words.shown_regions, step_back: words.fewer, step_on: words.more }, (place) => this.turn({ n: this.countAt(place) }), (place) => fill(words.count_place, { n: readableCount(this.block ? this.count : 1) }), () => 6);
    this.chart?.close();
    this.chart = new CoverageChart(words, (n) => this.turn({ n }));
    this.generations = new GenerationsView(words);
    this.work = new WorkView(words, (action) => { this.wished = action; this.ask(); });
    this.tabs = TABS.map((id) => make("button", { role: "tab", id: `proposal-tab-${id}`, class: "tab", "data-tab": id, onclick: () => this.change({ tab: id }), onkeydown: (event) => { if (event.key === "ArrowRight" || event.key === "ArrowLeft") { const other = TABS[1 - TABS.indexOf(id)]; this.change({ tab: other }); this.tabs[TABS.indexOf(other)].focus(); } } }, words[`tab_${id}`]));
    this.find(".tabs").replaceChildren(...this.tabs);
    this.find(".tabs").setAttribute("aria-label", words.title);
    this.find(".help").textContent = words.keys_help;
    this.views = make("div", { class: "views" }, make("figure", { class: "view" }, this.captions[0], this.editor.element, this.counter.element), make("figure", { class: "view" }, this.captions[1], this.map, this.player.element, this.readout));
    this.under = make("div", { class: "under" }, this.sentence, this.chart.element);
    this.laid = "";
  }

  strategyName({ colours, scale, weights }) {
    const parts = ["colour", "texture", "size", "fill"].filter((_, i) => weights[i] > 0).map((name) => this.words[`likeness_${name}`]);
    return fill(this.words.strategy, { colours: this.words[`colours_${colours}`], scale, parts: parts.join(", ") });
  }

  change(values) { Object.assign(this.settings, values); this.player.stop(); this.counter.stop(); if (this.block) this.controls.sync(this.settings, this.block); this.mark(); this.wished = ""; this.ask(); }
  turn(values) { Object.assign(this.settings, values); this.exchange.rest(); this.show(); }

  ask() { clearTimeout(this.asking); this.exchange.ask(this.known, this.wished ? { action: this.wished } : {}); }

  mark() { for (const tab of this.tabs) { const chosen = tab.dataset.tab === this.settings.tab; tab.setAttribute("aria-selected", chosen); tab.tabIndex = chosen ? 0 : -1; } }

  take(block) {
    const { arrays } = block;
    const picture = this.keep("pictures", { ...block.picture, image: arrays.image }, arrays.image);
    const tree = this.keep("trees", { ...block.tree, segments: arrays.segments, pairs: arrays.pairs, merged: arrays.merged?.data, similarity: arrays.similarity?.data }, arrays.segments);
    const regions = this.keep("regions", { ...block.regions, boxes: arrays.boxes?.data, owners: arrays.owners?.data }, arrays.boxes);
    const network = block.network ? this.keep("networks", { ...block.network, boxes: arrays.proposed?.data, scores: arrays.scores?.data }, arrays.proposed) : null;
    const measured = block.generations ? this.keep("generations", { ...block.generations, crops: arrays.crops, pooled: arrays.pooled, finals: arrays.finals }, arrays.crops) : null;
    if (!picture || !tree || !regions || network === undefined || measured === undefined) { this.exchange.askAgain(); return; }
    const another = this.block?.picture.id !== block.picture.id;
    Object.assign(this, { block, picture, tree, regions, network, measured });
    if (another) { this.editor.setPicture(picture.image, block.picture.size, `${this.words.title}: ${block.picture.alt}`); this.targetsTold = null; }
    if (this.mergingOf !== tree.id) { this.mergingOf = tree.id; this.merging = new Merging(tree, picture.image); }
    if (this.targetsTold !== block.settings.targets && !this.editor.drag) {
      this.targetsTold = block.settings.targets;
      this.editor.setItems(this.readTargets(block.settings.targets), -1);
    }
    this.cover();
    this.layout();
    this.show();
    this.ready += 1;
    if (this.wished && block.action === this.wished) this.wished = "";
    clearTimeout(this.asking);
    if (block.missing && this.exchange.usable) {
      if (!block.work || this.wished) this.ask();
      else if (!WORK_OVER.includes(block.work.state)) this.asking = setTimeout(() => this.ask(), ASK_AFTER);
    } else if (block.missing) { this.exchange.lastTold = null; this.exchange.restNow(); }
  }

  readTargets(text) {
    const [height, width] = this.block.picture.size;
    return text.split(";").filter(Boolean).map((part) => part.split(",").map((value) => Math.min(Number(value), 1000) / 1000)).filter(([x1, y1, x2, y2]) => x2 > x1 && y2 > y1).map(([x1, y1, x2, y2]) => ({ box: [x1 * width, y1 * height, x2 * width, y2 * height] }));
  }

  writeTargets() {
    const [height, width] = this.block.picture.size, part = (value, side) => Math.round(1000 * value / side);
    return this.editor.items.map(({ box: [x1, y1, x2, y2] }) => [part(x1, width), part(y1, height), part(x2, width), part(y2, height)].join(",")).join(";");
  }

  fail(sentence) { const box = this.find(".notice"); box.classList.remove("cs-hidden"); box.textContent = sentence[this.words.language]; }
  refresh() { if (this.block) this.show(); }

  get boxes() { return this.settings.source === "network" && this.network ? this.network.boxes : this.regions.boxes; }
  get count() { return Math.min(this.settings.n, this.boxes.length / 4); }
  get places() { return Math.max(Math.ceil(4 * Math.log2(this.boxes.length / 4)), 1); }   // quarter doublings up to all regions
  countAt(place) { return Math.min(Math.max(Math.round(2 ** (place / 4)), 1), this.boxes.length / 4); }
  get step() { const { step } = this.settings, { merges } = this.merging; return step < 0 ? Math.max(merges + 1 - LEFT_AT_FIRST, 0) : Math.min(step, merges); }

  cover() {
    const targets = this.editor.items.map(({ box }) => box);
    this.covered = coverage(this.boxes, targets);
    this.other = this.network && this.settings.source === "network" ? coverage(this.regions.boxes, targets) : null;
  }

  drawn(done) {
    this.cover();
    if (done) { this.settings.targets = this.targetsTold = this.writeTargets(); this.exchange.rest(); }
    this.show();
  }

  clear() { this.editor.setItems([], -1); this.drawn(true); }

  overlapText(i) {
    const best = this.best(i);
    return best ? `IoU ${best.iou.toFixed(2)}` : "";
  }

  best(i) {                                               // the best of the shown regions for box i
    const { covered, count, editor, boxes } = this, place = count ? covered.winners[i]?.[count - 1] : -1;
    if (place === undefined || place < 0 || !editor.items[i]) return null;
    const box = boxes.subarray(4 * place, 4 * place + 4), single = coverage(box, [editor.items[i].box]);
    return { place, box, iou: single.best[0] };
  }

  drawRegions(pen) {
    if (!this.block) return;
    const { boxes, count } = this, alpha = Math.min(Math.max(14 / Math.sqrt(count), 0.16), 0.9);
    pen.lineWidth = 1; pen.strokeStyle = `rgb(255 221 51 / ${alpha})`;
    for (let k = count - 1; k >= 0; k--) pen.strokeRect(...this.editor.rect(boxes.subarray(4 * k, 4 * k + 4)));
  }

  drawBest(pen) {
    if (!this.covered) return;
    this.editor.items.forEach((_, i) => {
      const best = this.best(i);
      if (!best) return;
      const rect = this.editor.rect(best.box);
      pen.lineWidth = 4; pen.strokeStyle = "rgb(0 0 0 / .55)"; pen.strokeRect(...rect);
      pen.lineWidth = 2; pen.setLineDash([6, 4]); pen.strokeStyle = "#ffffff"; pen.strokeRect(...rect); pen.setLineDash([]);
    });
  }

  layout() {
    if (!this.block || this.settings.tab !== "regions") return;
    this.editor.fit(Math.min(Math.max(window.innerHeight * 0.52, 260), 560));
    this.drawMerging();
  }

  show() {
    const { settings, words, block } = this, { tab } = block.settings;
    this.find(".notice").classList.add("cs-hidden");
    this.work.show(block.missing, block.work, block.regions.numbers.length, settings.strategies.length);
    this.generations.element.classList.toggle("cs-hidden", !this.measured);
    this.mark();
    this.controls.sync(settings, block);
    if (this.laid !== tab) {
      this.laid = tab;
      this.find(".pane").replaceChildren(...(tab === "regions" ? [this.views, this.under] : [this.generations.element]));
      (tab === "regions" ? this.views.firstChild : this.find(".pane")).append(this.work.element);
      this.find(".pane").setAttribute("aria-labelledby", `proposal-tab-${tab}`);
      this.layout();
    }
    if (tab === "generations") { if (this.measured) this.generations.show(this.measured, { bitmap: this.editor.bitmap, size: block.picture.size }); return; }
    const total = this.boxes.length / 4, network = settings.source === "network" && this.network;
    this.captions[0].replaceChildren(make("b", {}, words[`source_${network ? "network" : "search"}`]), make("span", {}, fill(network ? words.caption_network : words.caption_search, { n: readableCount(this.count), total: readableCount(total), s: secondsText(network ? this.network.seconds : this.regions.seconds) })));
    if (!this.counter.playing) this.counter.set(Math.round(4 * Math.log2(this.count)), this.places + 1);
    this.merging.go(this.step);
    this.captions[1].replaceChildren(make("b", {}, words.tree_title), make("span", {}, fill(words.caption_tree, { left: readableCount(this.merging.left), first: readableCount(this.tree.first) })));
    this.player.set(this.step, this.merging.merges + 1);
    this.drawMerging();
    this.sentence.textContent = this.verdict(total);
    this.chart.show([{ values: this.covered.mean }, ...(this.other ? [{ values: this.other.mean, dashed: true }] : [])], this.count);
    this.chart.canvas.setAttribute("aria-label", this.sentence.textContent);
    this.editor.draw();
    clearTimeout(this.saying);
    this.saying = setTimeout(() => { this.find(".heard").textContent = this.sentence.textContent; }, 600);
  }

  verdict(total) {
    const { words, editor: { items }, covered, count } = this;
    if (!items.length) return words.draw_box;
    const hits = items.filter((_, i) => (this.best(i)?.iou || 0) >= FOUND_FROM).length, mean = covered.mean[count - 1] || 0;
    const first = covered.found.filter((found) => found), never = covered.found.length - first.length;
    return `${fill(words.recall, { hits, boxes: items.length, n: readableCount(count), mean: mean.toFixed(2) })} ${never ? fill(words.never, { total: readableCount(total) }) : fill(words.first_found, { k: readableCount(Math.max(...first)) })}`;
  }

  drawMerging() {
    const { merging, map } = this, wide = map.parentElement?.clientWidth;
    if (!merging || !wide || merging.at < 0) return;
    const scale = Math.min(wide / merging.columns, (this.editor.room || 480) / merging.rows), ratio = window.devicePixelRatio || 1, width = merging.columns * scale, height = Math.max(merging.rows * scale, 20);
    map.width = Math.round(width * ratio); map.height = Math.round(height * ratio); map.style.width = `${width}px`; map.style.height = `${height}px`;
    const image = new ImageData(merging.columns, merging.rows), source = new OffscreenCanvas(merging.columns, merging.rows), pen = map.getContext("2d");
    merging.paint(new Uint32Array(image.data.buffer));
    source.getContext("2d").putImageData(image, 0, 0);
    pen.imageSmoothingEnabled = false;
    pen.drawImage(source, 0, 0, map.width, map.height);
    pen.scale(ratio, ratio);
    const [tall, across] = this.block.picture.size, { merged, similarity } = this.tree, { words } = this, at = merging.at;
    if (at > 0) {
      const [x1, y1, x2, y2] = merged.subarray(4 * at - 4, 4 * at), box = [x1 * width / across, y1 * height / tall, (x2 - x1) * width / across, (y2 - y1) * height / tall];
      pen.lineWidth = 5; pen.strokeStyle = "rgb(0 0 0 / .6)"; pen.strokeRect(...box); pen.lineWidth = 2.5; pen.strokeStyle = "#ffdd33"; pen.strokeRect(...box);
    }
    map.setAttribute("aria-label", fill(words.tree_alt, { left: merging.left }));
    if (this.pointing) {
      const [row, column] = this.pointing, root = merging.rootAt(row, column);
      this.readout.textContent = fill(words.region_at, { region: root, share: (100 * merging.size(root) / (merging.rows * merging.columns)).toFixed(1) });
    } else this.readout.textContent = at > 0 ? fill(words.merged_now, { at, similarity: similarity[at - 1].toFixed(2) }) : words.nothing_merged;
  }

  pointed(event) {
    const box = this.map.getBoundingClientRect(), { rows, columns } = this.merging;
    this.pointing = [Math.min(Math.max(Math.floor((event.clientY - box.top) / box.height * rows), 0), rows - 1), Math.min(Math.max(Math.floor((event.clientX - box.left) / box.width * columns), 0), columns - 1)];
    this.drawMerging();
  }

  close() { super.close(); this.player?.stop(); this.counter?.stop(); this.chart?.close(); this.observer.disconnect(); clearTimeout(this.saying); clearTimeout(this.asking); }
}

export default mounted(ProposalScreen, ".proposal-screen");
