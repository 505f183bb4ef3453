// Inside a U-Net. Python side: app/pages/segmentation/unet.py, app/figures/segmentation/.
import { make, fill } from "../shared/dom.js";
import { mounted } from "../shared/mounted.js";
import { unpack } from "../shared/wire.js";
import { BlockView } from "./block_view.js";
import { ResultView } from "./result_view.js";
import { UControls } from "./u_controls.js";
import { UDrawing } from "./u_drawing.js";
import { UExchange } from "./u_exchange.js";

const KEPT_PARTS = 10, ASKS = ["net", "skips", "block", "channel"];

class UNetScreen {
  constructor(root) {
    this.find = (selector) => root.querySelector(selector);
    this.parts = { pictures: new Map(), us: new Map(), blocks: new Map(), channels: new Map(), results: new Map() };
    this.settings = null; this.ready = 0;
    this.exchange = new UExchange(this);
  }

  get known() { return Object.values(this.parts).flatMap((part) => [...part.keys()]); }
  get network() { return this.words.networks[this.settings.net]; }

  update(component) {                                     // data from a rerun; also called again when the theme changes
    const block = component.data === this.lastData ? null : unpack(component.data);
    this.exchange.attach(component, block);
    if (!block) { if (this.u) this.redraw(); return; }
    this.lastData = component.data;
    if (block.words.language !== this.words?.language) this.useWords(block.words);
    if (!this.settings || this.exchange.isNews(block)) this.settings = block.settings;
    if (JSON.stringify(block.settings) === JSON.stringify(this.settings) || !this.exchange.usable) this.take(block);
  }

  useWords(words) {
    this.words = words;
    const change = (values) => this.change(values);
    this.drawing = new UDrawing(this.find(".u"), words, change);
    this.look?.close(); this.result?.close();
    this.look = new BlockView(this.find(".look"), words, change);
    this.result = new ResultView(this.find(".lower"), words, change);
    this.controls = new UControls(this.find(".controls"), words, change, this.result);
  }

  keep(name, part, present) {                             // a part the server sent, or the one kept from before
    const kept = this.parts[name];
    if (present) { kept.delete(part.id); kept.set(part.id, part); }
    while (kept.size > KEPT_PARTS) kept.delete(kept.keys().next().value);
    return kept.get(part.id);
  }

  take(block) {
    const { arrays } = block;
    this.find(".no-map").classList.add("cs-hidden");
    const picture = this.keep("pictures", { ...block.picture, image: arrays.image }, arrays.image);
    const u = this.keep("us", { ...block.u, arrays }, arrays.labels);
    const tiles = this.keep("blocks", { ...block.block, tiles: arrays.tiles }, arrays.tiles);
    const channel = this.keep("channels", { ...block.channel, map: arrays.channel }, arrays.channel);
    const results = block.results ? this.keep("results", { ...block.results, labels: arrays.results }, arrays.results) : null;
    if (!picture || !u || !tiles || !channel || (block.results && !results)) { this.exchange.askAgain(); return; }
    this.picture = { ...picture, ...block.picture };
    Object.assign(this, { u, tiles, channel });
    const whole = `${block.picture.id}:${this.settings.net}:results`;
    this.results = results || this.parts.results.get(whole) || null;
    this.show();
    this.ready += 1;
    if (!this.results) this.exchange.askResults();
  }

  fail(sentence) {
    const box = this.find(".no-map");
    box.textContent = sentence[this.words.language];
    box.classList.remove("cs-hidden");
  }

  show() {
    const { settings, network, u, picture } = this;
    this.controls.sync(settings, network, u);
    this.result.show({ picture, settings, network, u, results: this.results });
    this.drawing.show({ picture, settings, network, u });
    this.look.show({ settings, network, tiles: this.tiles, channel: this.channel });
    this.showFitting();
    clearTimeout(this.saying);
    this.saying = setTimeout(() => { this.find(".heard").textContent = this.result.sentence(); }, 500);
  }

  redraw() { this.drawing.draw(); this.look.draw(); this.result.draw(); }

  showFitting() {                                         // what the network knows, where the picture is of another kind
    const box = this.find(".fitting"), { words, picture, network } = this;
    box.classList.toggle("cs-hidden", picture.fits);
    if (picture.fits) return;
    const offers = network.fitting.map((key) => make("button", { class: "cs-button", type: "button", onclick: () => this.exchange.pick(key) }, words[`picture_${key}`]));
    box.replaceChildren(fill(words[`fitting_${this.settings.net}`], {}), " ", ...offers);
  }

  change(values) {
    const before = JSON.stringify(this.settings);
    Object.assign(this.settings, values);
    if (JSON.stringify(this.settings) === before) return;
    if (ASKS.some((name) => name in values)) { this.exchange.ask(); this.controls.sync(this.settings, this.network, this.u); this.drawing.mark(this.settings); }
    else { this.exchange.rest(); this.show(); }
  }

  close() { this.exchange.close(); this.look?.close(); this.result?.close(); }
}

export default mounted(UNetScreen, ".unet-screen");
