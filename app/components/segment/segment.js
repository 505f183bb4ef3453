// The class of every pixel. Python side: app/pages/segmentation/segment.py, app/figures/segmentation/.
import { make, fill } from "../shared/dom.js";
import { Exchange } from "../shared/exchange.js";
import { LiveChannel } from "../shared/live.js";
import { mounted } from "../shared/mounted.js";
import { Sources } from "../shared/sources.js";
import { unpack } from "../shared/wire.js";
import { ClassMaps } from "./class_maps.js";
import { ClassPanel } from "./class_panel.js";
import { labelsOfRuns, planarOf } from "./label_runs.js";
import { StageView } from "./stage_view.js";

const KEPT_PARTS = 8, SEGMENT_ASKS = ["view", "cls"];

class SegmentScreen {
  constructor(root) {
    this.find = (selector) => root.querySelector(selector);
    this.parts = { pictures: new Map(), results: new Map(), maps: new Map(), objects: new Map() };
    this.settings = null; this.hidden = []; this.ready = 0;
    this.exchange = new Exchange("segment", "s", this);
    this.paper = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  }

  get known() { return Object.values(this.parts).flatMap((part) => [...part.keys()]); }
  get live() { return this.settings.source !== "picture"; }

  update(component) {                                     // data from a rerun; also called again when the theme changes
    const block = component.data === this.lastData ? null : unpack(component.data);
    this.component = component;
    this.exchange.attach(component, block);
    if (!block) { this.stage?.draw(); return; }
    this.lastData = component.data;
    if (block.words.language !== this.words?.language) this.useWords(block);
    const other = block.network.key !== this.network?.key || block.network.label !== this.network?.label;
    this.network = block.network;
    if (other) { this.hidden = this.network.classes.map(() => false); this.frame = null; this.panel.build(this.network); this.maps.build(this.network); }
    if (!this.settings || this.exchange.isNews(block)) this.settings = block.settings;
    if (!this.pixels && block.live) this.pixels = new LiveChannel(block.live, (answer) => this.takeScores(answer));
    else this.pixels?.renew(block.live);
    this.sources.update({ live: block.live, picture: block.address.pic, source: this.settings.source, run: block.run });
    if (JSON.stringify(block.settings) === JSON.stringify(this.settings) || !this.exchange.usable) this.take(block);
    else this.exchange.ask();
  }

  useWords(block) {
    const { words } = block, change = (values) => this.change(values);
    this.words = words; this.network = null;
    this.stage?.close(); this.sources?.close();
    this.stage = new StageView(this.find(".views"), words, { change, hover: (row, column) => this.ask(row, column), leave: () => this.leave(), pin: (row, column) => this.pin(row, column) });
    this.panel = new ClassPanel(this.find(".panel"), words, change, (label, shown) => { this.hidden[label] = !shown; this.show(); });
    this.maps = new ClassMaps(this.find(".maps"), words, (cls) => change({ view: "map", cls }));
    this.sources = new Sources(this.find(".sources"), this.find(".player"), "segment", words, block.live, {
      change: (source) => this.change({ source }),
      parameters: () => ({ net: this.exchange.address.net, net_as: this.exchange.address.net_as }),
      answer: (header, frame) => this.takeFrame(header, frame),
      startVideo: (key) => this.component.setTriggerValue("act", { action: "video", key }),
      paint: (frame) => this.paintVideo(frame),
      settings: () => ({ opacity: this.settings.opacity, view: this.settings.view }),
      name: "convscope-segment.mp4",
    }, { side: 480, quality: 0.85 });
  }

  keep(name, part, present) {                             // a part the server sent, or the one kept from before
    const kept = this.parts[name];
    if (present) { kept.delete(part.id); kept.set(part.id, part); }
    while (kept.size > KEPT_PARTS) kept.delete(kept.keys().next().value);
    return kept.get(part.id);
  }

  take(block) {
    if (block.pixel && !block.picture) { this.takeScores(block); return; }
    if (block.settings && JSON.stringify(block.settings) !== JSON.stringify(this.settings) && this.exchange.usable) return;
    const { arrays } = block;
    this.fail(block.error === "no_classes" ? { en: this.words.no_classes, ko: this.words.no_classes } : null);
    const picture = this.keep("pictures", { ...block.picture, image: arrays.image }, arrays.image);
    if (!picture) { this.exchange.askAgain(); return; }
    this.picture = { ...picture, ...block.picture, image: picture.image };
    if (block.error) return;
    const result = this.keep("results", { ...block.result, labels: arrays.labels, tiles: arrays.tiles }, arrays.labels);
    const map = block.map ? this.keep("maps", { ...block.map, values: arrays.map }, arrays.map) : null;
    const objects = block.objects ? this.keep("objects", { ...block.objects, labels: arrays.objects }, arrays.objects) : null;
    if (!result || (block.map && !map) || (block.objects && !objects)) { this.exchange.askAgain(); return; }
    Object.assign(this, { result, map, objects, pinned: block.pixel || (this.settings.px >= 0 ? this.pinned : null) });
    this.show();
    this.ready += 1;
  }

  fail(error) {
    const box = this.find(".no-map");
    box.classList.toggle("cs-hidden", !error);
    if (error) box.textContent = error[this.words.language];
  }

  show() {
    const { settings, network, words } = this;
    this.panel.sync(settings, network, this.hidden);
    const still = !this.live && this.result;
    const frame = still ? { image: this.picture.image, labels: this.result.labels, map: this.map, objects: this.objects, alt: this.picture.alt } : this.frame;
    this.find(".maps").classList.toggle("cs-hidden", !still);
    this.showFitting(still);
    this.stage.show(frame, settings, network, this.hidden, this.pinned);
    if (!frame) return;
    this.panel.showAreas(frame.labels);
    if (still) {
      this.maps.show(this.result.tiles, settings);
      this.panel.showScores(this.pinned?.scores || null);
      this.panel.showFacts(network, this.result);
      clearTimeout(this.saying);
      this.saying = setTimeout(() => { this.find(".heard").textContent = fill(words.heard, { classes: this.panel.sentence() }); }, 500);
    } else this.panel.showScores(null);
  }

  showFitting(still) {
    const box = this.find(".fitting"), offers = still ? this.picture.fitting : [];
    box.classList.toggle("cs-hidden", !offers.length);
    if (!offers.length) return;
    box.replaceChildren(this.words[`fitting_${this.network.key}`], " ", ...offers.map((key) => make("button", { class: "cs-button", type: "button", onclick: () => this.component.setTriggerValue("act", { action: "pick", key }) }, this.words[`picture_${key}`])));
  }

  takeFrame(header, frame) {                              // the camera's: what was sent, and its classes
    if (this.settings.source !== "camera" || header.net !== this.network.key) return;
    const pixels = frame.image.getContext("2d").getImageData(0, 0, frame.width, frame.height).data;
    this.frame = { image: planarOf(pixels, frame.width, frame.height), labels: header.arrays.labels, alt: this.words.source_camera };
    this.show();
    this.panel.showFacts(this.network, { seconds: header.seconds, runtime: header.runtime });
  }

  paintVideo(frame) {
    if (this.settings?.source !== "video") return;
    const { width, height } = frame.image, { canvas } = this.paper;
    if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
    this.paper.drawImage(frame.image, 0, 0);
    const { labels, colours } = labelsOfRuns(frame.result);
    if (colours.length !== this.network.classes.length) return;   // of another network, before its own run begins
    this.frame = { image: planarOf(this.paper.getImageData(0, 0, width, height).data, width, height), labels, alt: this.words.source_video };
    this.show();
  }

  ask(row, column) {                                      // the scores of every class at a pixel: those of the newest place count
    if (this.live || !this.pixels?.usable) return;
    this.hovered = [row, column];
    this.pixels.request("segment", { ...this.exchange.address, pixel: [row, column] });
  }

  takeScores(answer) {
    const found = answer.pixel;
    if (!found || this.live || !this.hovered || found.row !== this.hovered[0] || found.column !== this.hovered[1]) return;
    this.panel.showScores(found.scores);
    this.stage.showScore(found);
  }

  leave() { this.hovered = null; if (!this.live) this.panel.showScores(this.pinned?.scores || null); }

  pin(row, column) {
    if (this.live) return;
    const same = row === this.settings.py && column === this.settings.px;
    this.pinned = null;
    this.change(same || row < 0 ? { px: -1, py: -1 } : { px: column, py: row });
  }

  change(values) {
    const before = JSON.stringify(this.settings);
    Object.assign(this.settings, values);
    if (JSON.stringify(this.settings) === before) return;
    if ("source" in values) this.frame = null;
    if (SEGMENT_ASKS.some((name) => name in values) || ("px" in values && values.px >= 0) || values.source === "picture") this.exchange.ask();
    else this.exchange.rest();
    if (this.live && "opacity" in values) this.sources.player.repaint();
    this.show();
    if (values.source === "video") this.sources.player.repaint();
  }

  close() { this.exchange.close(); this.pixels?.close(); this.stage?.close(); this.sources?.close(); }
}

export default mounted(SegmentScreen, ".segment-screen");
