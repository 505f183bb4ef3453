// Detection in the browser. Python side: app/pages/detection/detect.py, app/figures/detection/detect*.py.
import { fill, make } from "../shared/dom.js";
import { LiveChannel } from "../shared/live.js";
import { mounted } from "../shared/mounted.js";
import { setText } from "../shared/numbers.js";
import { Sources } from "../shared/sources.js";
import { unpack } from "../shared/wire.js";
import { DetectControls, Milliseconds } from "./detect_controls.js";
import { Candidates } from "./found.js";
import { FoundTable } from "./found_table.js";
import { PictureStrip } from "./picture_strip.js";
import { DetectStage } from "./stage.js";

const REST_AFTER = 350, KEPT = 4;

class DetectScreen {
  constructor(root) {
    this.find = (selector) => root.querySelector(selector);
    this.kept = new Map(); this.pointed = null; this.picked = null; this.settings = null; this.drawing = 0;
    const hooks = { point: (place) => this.point(place), pick: (place, toggles) => this.pick(place, toggles) };
    this.hooks = hooks;
    this.stage = new DetectStage(this.find(".picture"), hooks);
    this.frame = new OffscreenCanvas(1, 1);            // the camera's last frame, for thresholds that move while it waits
  }

  update(component) {
    this.component = component;
    if (component.data === this.lastData) { this.show(); return; }
    this.lastData = component.data;
    const block = unpack(component.data);
    if (block.words.language !== this.words?.language) this.useWords(block.words, block.live);
    if (!this.settings || (block.settings_from === "address" && JSON.stringify(block.settings) !== this.told)) this.settings = block.settings;
    if (this.block && block.network.key !== this.block.network.key) Object.assign(this.settings, { hide: [], iou: 0 });
    this.block = block;
    if (!this.channel && block.live) this.channel = new LiveChannel(block.live, (answer) => this.answered(answer), () => {});
    else this.channel?.renew(block.live);
    this.sources.update({ live: block.live, picture: block.address.pic, source: this.settings.source, run: block.run });
    this.take(block);
  }

  useWords(words, live) {
    this.words = words;
    this.sources?.close();
    this.controls = new DetectControls(this.find(".looks"), words, (values) => this.change(values));
    this.table = new FoundTable(this.find(".table"), words, this.hooks);
    this.times = new Milliseconds(this.find(".time"), words);
    this.strip = new PictureStrip(this.find(".strip"), words, { ask: (key) => this.ask({ part: "picture", pic: key, settings: this.settings }), open: (pic) => this.component.setTriggerValue("act", { action: "open", pic }) });
    this.sources = new Sources(this.find(".source"), this.find(".player"), "detect", words, live, {
      change: (source) => this.change({ source }),
      parameters: () => ({ ...this.settings, net: this.block.address.net, net_as: this.block.address.net_as }),
      answer: (header, frame) => this.cameraFrame(header, frame),
      startVideo: (key) => this.component.setTriggerValue("act", { action: "video", key }),
      paint: (frame) => this.videoFrame(frame),
      settings: () => ({ score: this.settings.score, iou: this.settings.iou, hide: this.settings.hide, tags: this.settings.tags }),
      ended: () => { this.told = ""; this.rest(); },
      name: "convscope-detections.mp4",
    });
    this.find(".note-bar").replaceChildren(this.note = make("span"), this.offer = make("button", { class: "cs-button", type: "button", onclick: () => this.component.setTriggerValue("act", { action: "open", ...this.block.network.offer }) }));
  }

  async take(block) {                                  // a picture's candidates: sent, or kept from before
    if (block.candidates) {
      const image = await createImageBitmap(new Blob([block.arrays.jpeg.data], { type: "image/jpeg" }));
      this.kept.delete(block.id);
      this.kept.set(block.id, { image, found: new Candidates(block.candidates, block.arrays) });
      while (this.kept.size > KEPT) { const [first] = this.kept.keys(); this.kept.get(first).image.close(); this.kept.delete(first); }
    }
    if (block !== this.block) return;
    if (!this.kept.has(block.id)) { this.told = ""; this.tell(""); return; }   // the server left out what this page does not have
    if (this.shownId !== block.id) { this.pointed = null; this.picked = null; this.shownId = block.id; }
    this.strip.update(this.settings.many ? block.strip : [], `${block.network.key}:${block.address.net_as}`);
    this.show();
    if (block.candidates) this.rest();                 // what this page has need not be sent again
  }

  get now() {                                          // {image, found} of the source that is looked at
    if (this.settings.source === "camera") return this.cameraShown || null;
    if (this.settings.source === "video") return this.videoShown || null;
    return this.kept.get(this.block.id) || null;
  }

  change(values) {
    Object.assign(this.settings, values);
    if (values.source) { this.pointed = null; this.picked = null; }
    if (values.source === "video") this.sources.player.repaint();
    this.show();
    this.strip.show(this.settings, this.block.colours);
    this.rest();
  }

  show() {
    if (!this.block || !this.words || !this.settings) return;
    const { now, words, settings, block } = this;
    this.controls.sync(settings, now?.found);
    this.find(".picture").classList.toggle("waiting", !now);
    this.find(".waits").textContent = now ? "" : words[`waits_${settings.source}`] || "";
    this.find(".under").classList.toggle("cs-hidden", !now);
    this.find(".note-bar").classList.toggle("cs-hidden", !now);
    if (!now) return;
    const start = performance.now(), { found } = now;
    const chosen = this.chosen = found.select(settings.score, settings.iou, settings.hide);
    const selecting = performance.now() - start;
    this.draw();
    this.controls.show(found, chosen, settings, block.colours);
    const names = found.categories.filter((name) => name !== "__background__"), known = names.slice(0, 8).join(", ") + (names.length > 8 ? "…" : "");
    this.table.show(found, chosen, block.colours);
    this.times.show({ ...found.timings, postprocess: found.timings.postprocess + selecting / 1000 }, this.drawing, settings.source !== "picture", found.runtime);
    this.sayWhat(found, chosen, known);
    this.strip.show(settings, block.colours);
    this.askInstances(found, chosen);
  }

  sayWhat(found, chosen, known) {
    const { words, block } = this, counts = new Map();
    for (const place of chosen.kept) { const name = found.categories[found.labels[place]]; counts.set(name, (counts.get(name) || 0) + 1); }
    const listed = [...counts].sort((a, b) => b[1] - a[1]).map(([name, n]) => `${n} ${name}`).join(", ");
    setText(this.note, chosen.kept.length ? fill(words.summary, { n: chosen.kept.length, listed }) : fill(words.nothing, { names: known }));
    const offered = !chosen.kept.length && this.settings.source === "picture" && block.network.offer;
    this.offer.classList.toggle("cs-hidden", !offered);
    if (offered) setText(this.offer, fill(words.offer, { name: block.network.offer.name }));
    this.find(".note-bar").classList.toggle("none", !chosen.kept.length);
    this.stage.describe(`${this.settings.source === "picture" ? block.alt : words[`source_${this.settings.source}`]}. ${this.note.textContent}`);
  }

  draw() {
    const { now, block, settings } = this;
    if (!now) return;
    this.drawing = this.stage.show(now.image, now.found, this.chosen, { tags: settings.tags, lost: settings.lost, colours: block.colours, skeleton: block.skeleton, active: this.pointed ?? this.picked });
  }

  point(place) { if (place === this.pointed) return; this.pointed = place; this.draw(); this.table.mark(place ?? this.picked, false); }
  pick(place, toggles) { this.picked = toggles && place === this.picked ? null : place; this.pointed = null; this.draw(); this.table.mark(this.picked); }

  cameraFrame(header, frame) {
    const { frame: kept } = this;
    if (kept.width !== frame.width || kept.height !== frame.height) { kept.width = frame.width; kept.height = frame.height; }
    kept.getContext("2d").drawImage(frame.image, 0, 0);
    this.pointed = null; this.picked = null;
    this.cameraShown = { image: kept, found: new Candidates(header.candidates, header.arrays) };
    if (this.settings.source === "camera") this.show();
  }

  videoFrame(frame) {
    if (!frame.found) { const block = unpack(frame.result); frame.found = new Candidates(block, block.arrays); }
    if (this.videoShown?.found !== frame.found) { this.pointed = null; this.picked = null; }
    this.videoShown = { image: frame.image, found: frame.found };
    if (this.settings.source === "video") this.show();
  }

  ask(parameters) { return this.channel?.request("detect", { ...this.block.address, ...parameters }); }

  askInstances(found, chosen) {                        // masks and key points of boxes that a threshold brought in
    if (!found.hasInstances || this.settings.source !== "picture" || this.asking) return;
    const missing = chosen.kept.filter((place) => !found.instances.has(place)).slice(0, 60);
    if (!missing.length || !this.ask({ part: "instances", index: missing })) return;
    this.asking = found;
  }

  answered(block) {
    if (block.error) { this.asking = null; this.strip.fail(block.error[this.words.language]); return; }
    if (block.part !== "instances") { this.strip.take(block); return; }
    const found = this.asking;
    this.asking = null;
    found?.addInstances(block.arrays);
    this.show();
  }

  rest() { clearTimeout(this.timer); this.timer = setTimeout(() => this.tell(this.kept.has(this.block.id) ? this.block.id : ""), REST_AFTER); }

  tell(known) {
    const settings = { ...this.settings }, told = JSON.stringify([settings, known]);
    if (told === this.told) return;
    this.told = told;
    this.component.setStateValue("found", { settings, known });
  }

  close() { clearTimeout(this.timer); this.sources?.close(); this.channel?.close(); this.stage.close(); }
}

export default mounted(DetectScreen, ".detect-screen");
