// Style transfer in the browser. Python side: app/pages/style/style_transfer.py, app/figures/style/, app/style_runs.py.
import { fill, make } from "../shared/dom.js";
import { mounted } from "../shared/mounted.js";
import { unpack } from "../shared/wire.js";
import { FrameStore } from "./frame_store.js";
import { GramView } from "./gram_view.js";
import { LayersView } from "./layers_view.js";
import { LossCharts, powerText } from "./loss_charts.js";
import { StudioControls } from "./studio_controls.js";
import { StudioExchange } from "./studio_exchange.js";
import { StudioPicture } from "./studio_picture.js";
import { StudioPlayer } from "./studio_player.js";

const BUSY = ["queued", "running", "paused"], TABS = ["picture", "grams", "layers"], PARTS_KEPT = 24;

class Studio {
  constructor(root) {
    this.find = (selector) => root.querySelector(selector);
    this.parts = new Map();                                 // galleries, pictures and first looks that were sent once
    this.store = new FrameStore(() => this.draw());
    this.exchange = new StudioExchange(this);
    this.settings = null; this.at = null; this.news = null; this.layersNews = null;  // at: the step that is looked at, null for the newest
  }

  get running() { return BUSY.includes(this.news?.state); }
  get known() { return [...this.parts.keys()]; }
  get words() { return this.block.words; }
  get network() { return this.block.networks.find((network) => network.name === this.block.network); }
  get fresh() { return this.news?.inputs === this.block.inputs; }   // the run is of these pictures
  get step() { return this.fresh ? this.store.nearest(this.at) : 0; }

  update(component) {                                       // data from a rerun; also called again when the theme changes
    const block = component.data === this.lastData ? null : unpack(component.data);
    this.exchange.attach(component, block);
    if (!block) { if (this.block) this.draw(); return; }
    this.lastData = component.data;
    const language = this.block?.words.language;
    this.block = block;
    if (!this.keep(block.gallery, block.gallery.cards) || !this.keep(block.picture, block.picture.url) || !this.keep(block.first, block.arrays.first)) {
      this.parts.clear(); this.exchange.tell([]);           // it was sent to a page that is gone
      return;
    }
    if (!this.settings || this.exchange.isNews(block)) this.settings = block.settings;
    if (block.words.language !== language) this.useWords(block.words);
    if (block.new_style) this.controls.picker.add(block.new_style);
    this.follow(block);
    if (block.arrays.answer) this.exchange.answered(unpack(block.arrays.answer.data));
    this.picture.show(this.parts.get(block.picture.id).picture.url, block.picture);
    this.draw();
  }

  keep(part, sent) {
    if (sent) {
      const kept = { ...(this.parts.get(part.id) || {}) };
      if (part.cards) kept.cards = part.cards;
      if (part.url) kept.picture = part;
      if (part.kind && sent.data) kept.jpeg = new Blob([sent.data], { type: "image/jpeg" });
      this.parts.set(part.id, kept);
      while (this.parts.size > PARTS_KEPT) this.parts.delete(this.parts.keys().next().value);
    }
    return this.parts.get(part.id);
  }

  useWords(words) {
    const act = (action) => this.act(action);
    this.picture?.close();
    this.controls = new StudioControls(this.find(".controls"), this, (values) => this.change(values));
    this.picture = new StudioPicture(this.find(".picture"), this);
    this.player = new StudioPlayer(this.find(".player"), words, { act, go: (step) => { this.at = step; this.draw(); } });
    this.grams = new GramView(this.find(".view-grams"), words, (layer) => this.change({ gram: layer }));
    this.layers = new LayersView(this.find(".view-layers"), words, act);
    this.charts = new LossCharts(this.find(".charts"), words, (step) => { this.at = step; this.draw(); });
    this.find(".tabs").replaceChildren(...TABS.map((id) => make("button", { class: "cs-button", type: "button", role: "tab", "data-tab": id,
      onclick: () => this.change({ view: id }) }, words[`tab_${id}`])));
  }

  change(values) {
    this.settings = { ...this.settings, ...values };
    this.exchange.rest();
    this.draw();
  }

  act(action) {
    if (action.startsWith("start")) this.at = null;
    this.exchange.act(action);
  }

  begun(run) { return { ...run, state: run.done ? "finished" : "queued", rows: [], frames: [], cells: [], position: 0 }; }

  follow({ run, layers }) {                                 // the runs that the server names: followed from their first step
    const before = `${this.store.run} ${this.layers.run}`;
    if (!run.run) { this.news = null; this.store.reset(""); } else if (this.store.run !== run.run) {
      this.store.reset(run.run);
      this.news = this.begun(run);
      this.at = null;
    }
    if (!layers.run) { this.layersNews = null; this.layers.reset(""); } else if (this.layers.run !== layers.run) {
      this.layers.reset(layers.run);
      this.layersNews = this.begun(layers);
    }
    if (before !== `${this.store.run} ${this.layers.run}` || this.exchange.usable) this.exchange.poll();
  }

  take(answer) {                                            // news of the runs, Grams
    const { run, layers, arrays } = answer;
    if (answer.gram) this.grams.take(answer.gram, arrays);
    if (layers && layers.run === this.layers.run) { this.layersNews = layers; this.layers.take(layers, arrays); }
    if (run && run.run === this.store.run) {
      const before = this.news?.state;
      this.news = run;
      this.store.take(run, arrays);
      if (before !== run.state && this.words[`state_${run.state}`]) this.find(".heard").textContent = this.words[`state_${run.state}`];
    }
    this.draw();
  }

  fail(sentence) { this.sayProblem(sentence[this.words.language] || sentence.en); }

  sayProblem(text) {
    const line = this.find(".problem");
    line.textContent = text;
    line.classList.toggle("cs-hidden", !text);
  }

  draw() {
    const { block, settings, news, words } = this, row = this.store.row(this.step);
    if (!this.player) return;
    this.sayProblem(block.problem || news?.error?.[words.language] || this.layersNews?.error?.[words.language] || (this.running && news.notice?.[words.language]) || "");
    for (const id of TABS) {
      this.find(`.view-${id}`).classList.toggle("cs-hidden", settings.view !== id);
      this.find(`[data-tab=${id}]`).setAttribute("aria-selected", String(settings.view === id));
      this.find(`[data-tab=${id}]`).setAttribute("aria-pressed", String(settings.view === id));
    }
    this.find(".charts").classList.toggle("cs-hidden", settings.view === "layers" || !this.fresh || !this.store.rows.length);
    this.controls.sync(settings, block, this.running ? news : null);
    this.player.sync(this, row);
    this.beside(row);
    if (settings.view === "picture") this.picture.draw();
    if (settings.view === "grams") this.grams.sync(this);
    if (settings.view === "layers") this.layers.sync(this);
    if (settings.view !== "layers") this.charts.draw(this.store.rows, news?.steps || settings.steps, this.step);
  }

  beside(row) {                                             // content and style, small, and the sum that is minimised
    const { block, words } = this, small = (src, alt, label) => make("figure", {}, make("img", { src, alt }), make("figcaption", {}, label));
    const seen = JSON.stringify([block.picture.id, block.styles, words.language]);
    if (seen !== this.besideSeen) {
      this.besideSeen = seen;
      this.sums = make("dl", { class: "sums" });
      this.find(".beside").replaceChildren(
        small(this.parts.get(block.picture.id).picture.url, block.picture.alt, `${words.content} C · ${block.picture.name}`),
        ...block.styles.map((style) => small(style.thumb, style.alt, `${words.style} S · ${style.name}${block.styles.length > 1 ? ` · ${style.share}` : ""}`)),
        this.sums);
    }
    const number = (value) => (value === 0 ? "0" : powerText(value));
    const lines = !row ? [] : [["J", row.loss, words.sum_total], ["J_content", row.content, fill(words.sum_alpha, { weight: number(row.weights[0]) })],
      ["J_style", row.style, fill(words.sum_beta, { weight: number(row.weights[1]) })], ["TV", row.variation, fill(words.sum_gamma, { weight: number(row.weights[2]) })]];
    this.sums.replaceChildren(...lines.flatMap(([name, value, hint]) => [make("dt", { title: hint }, name), make("dd", {}, number(value), make("small", {}, hint))]));
  }

  close() { this.exchange.close(); this.picture?.close(); this.player?.close(); }
}

export default mounted(Studio, ".studio");
