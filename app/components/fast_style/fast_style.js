// Fast style transfer in the browser. Python side: app/pages/style/fast_style.py, app/figures/style/fast_style*.py.
import { fill, make } from "../shared/dom.js";
import { flagField, group, rangeField } from "../shared/fields.js";
import { mounted } from "../shared/mounted.js";
import { Sources } from "../shared/sources.js";
import { unpack } from "../shared/wire.js";
import { WipeCanvas } from "../shared/wipe_canvas.js";
import { blended } from "./blend.js";
import { StyleOutputs } from "./style_outputs.js";

const REST_AFTER = 300, CAMERA_SIDE = 512;

export function readMix(text) { return Object.fromEntries(text.split(",").filter(Boolean).map((part) => { const [id, share] = part.split("~"); return [id, share === undefined ? 1 : Number(share)]; })); }

export function writeMix(mix) { return Object.entries(mix).filter(([, share]) => share > 0).map(([id, share]) => `${id}~${Number(share.toFixed(2))}`).join(","); }

class Quick {
  constructor(root) {
    this.find = (selector) => root.querySelector(selector);
    this.settings = null; this.camera = null;
    this.outputs = new StyleOutputs({ ready: () => this.draw(), settings: () => this.settings, component: () => this.component,
      fail: (sentence) => this.sayProblem(sentence[this.words.language] || sentence.en) });
    this.wipe = new WipeCanvas(this.find(".canvas-box"), this.find(".shown"), (x, y, colour) => {
      this.find(".readout").textContent = x === null ? "" : fill(this.words.readout, { x: Math.round(100 * x), y: Math.round(100 * y), r: colour[0], g: colour[1], b: colour[2] }); });
  }

  get words() { return this.block.words; }

  update(component) {
    this.component = component;
    if (component.data === this.lastData) { this.draw(); return; }
    const block = unpack(component.data), language = this.block?.words.language;
    this.lastData = component.data; this.block = block;
    const news = block.settings_from === "address" && JSON.stringify(block.settings) !== this.told;
    if (!this.settings || news) this.settings = block.settings;
    if (block.words.language !== language) this.useWords();
    this.outputs.attach(block);
    this.sources.update({ live: block.live, picture: block.address.pic, source: this.settings.source, run: block.run });
    this.draw();
  }

  useWords() {
    const { words, block } = this, change = (values) => this.change(values);
    this.sources?.close();
    const sourceBox = make("div"), playerBox = this.find(".run-player");
    this.sources = new Sources(sourceBox, playerBox, "fast_style", words, block.live, {
      change: (source) => change({ source }),
      parameters: () => ({ ...this.settings }),
      answer: (header, frame) => this.cameraFrame(header, frame),
      startVideo: (key) => this.component.setTriggerValue("act", { action: "video", key, settings: this.settings, at: Date.now() }),
      paint: (frame) => this.videoFrame(frame),
      settings: () => ({}),
      name: "convscope-style.mp4",
    }, { side: CAMERA_SIDE, quality: 0.8 });
    this.shares = block.styles.map((style) => rangeField(style.label, 0, 1, 0.05, (share) => this.share(style.id, share)));
    this.shares.forEach((field, i) => field.slider.dataset.share = block.styles[i].id);
    this.size = rangeField(words.size, 160, 1024, 16, (size) => change({ size }));
    this.steady = rangeField(words.steady, 0, 0.9, 0.05, (steady) => change({ steady }));
    this.colours = flagField(words.colours, (colours) => change({ colours }), words.colours_hint);
    this.even = make("button", { class: "cs-button small", type: "button", onclick: () => change({ mix: writeMix(Object.fromEntries(block.styles.map(({ id }) => [id, 1]))) }) }, words.mix_even);
    this.find(".controls").replaceChildren(group(words.group_source, true, sourceBox),
      group(words.group_mix, true, ...this.shares, make("p", { class: "facts" }, block.styles.length ? words.mix_hint : words.no_networks), this.even),
      group(words.group_picture, true, this.size, this.colours, this.steady, make("p", { class: "facts" }, words.steady_hint)));
    this.cards = block.styles.map((style) => this.card(style));
    this.find(".cards").replaceChildren(...this.cards.map((card) => card.element));
  }

  card(style) {                                             // the person's picture in one style; pressed: this style alone
    const canvas = make("canvas", { role: "img", "aria-label": style.label }), note = make("small");
    const facts = style.score ? fill(this.words.card_facts, { parameters: style.parameters.toLocaleString("en-US"), minutes: style.minutes, score: style.score.toFixed(1) }) : "";
    const element = make("button", { class: "style-card", type: "button", "data-style": style.id, title: facts, onclick: () => this.change({ mix: `${style.id}~1` }) },
      canvas, make("span", { class: "card-name" }, make("img", { src: style.thumb, alt: "" }), make("span", {}, make("b", {}, style.label), note)));
    return { style, canvas, note, element, drawn: "" };
  }

  share(id, value) {
    const mix = { ...readMix(this.settings.mix), [id]: value };
    if (Object.values(mix).some((share) => share > 0)) this.change({ mix: writeMix(mix) });
  }

  change(values) {
    this.settings = { ...this.settings, ...values };
    clearTimeout(this.resting);
    this.resting = setTimeout(() => { this.told = JSON.stringify(this.settings); this.component?.setStateValue("settings", { ...this.settings }); }, REST_AFTER);
    if (values.size) { clearTimeout(this.sizing); this.sizing = setTimeout(() => this.outputs.next(this.chosen().map(([style]) => style.name)), 150); }
    this.draw();
  }

  chosen() { const mix = readMix(this.settings.mix); return this.block.styles.map((style) => [style, mix[style.id] || 0]).filter(([, share]) => share > 0); }

  sayProblem(text) { this.find(".problem").textContent = text; this.find(".problem").classList.toggle("cs-hidden", !text); }

  draw() {
    const { block, settings } = this, mix = readMix(settings.mix);
    if (!this.shares) return;
    block.styles.forEach((style, i) => this.shares[i].set(mix[style.id] || 0));
    this.size.set(settings.size); this.steady.set(settings.steady); this.colours.set(settings.colours);
    this.steady.element.classList.toggle("quiet-field", settings.source === "picture");
    for (const card of this.cards) this.drawCard(card, mix[card.style.id] || 0);
    this.find(".shown").setAttribute("aria-label", fill(this.words.picture_alt, { alt: block.picture.alt }));
    if (settings.source === "picture") this.drawPicture();
    else if (settings.source === "video" && !block.run) this.drawPicture();
    else if (settings.source === "camera" && !this.camera) this.drawPicture();
  }

  drawCard(card, share) {
    const found = this.outputs.get(card.style.name);
    card.element.setAttribute("aria-pressed", String(share > 0));
    card.note.textContent = found ? fill(this.words.card_pass, { ms: Math.max(1, Math.round(1000 * found.seconds)) }) : "";
    card.element.dataset.ready = String(Boolean(found));
    const key = this.outputs.key(card.style.name);
    if (!found || card.drawn === key) return;
    card.drawn = key;
    const { width, height } = found.canvas, small = Math.min(1, 300 / width);
    card.canvas.width = Math.max(1, Math.round(width * small)); card.canvas.height = Math.max(1, Math.round(height * small));
    card.canvas.getContext("2d").drawImage(found.canvas, 0, 0, card.canvas.width, card.canvas.height);
  }

  drawPicture() {
    const parts = this.chosen().map(([style, share]) => [this.outputs.get(style.name), share]), content = this.outputs.get("content");
    if (!content || !parts.length || parts.some(([found]) => !found)) {
      this.outputs.next(this.chosen().map(([style]) => style.name));
      if (content && !this.result) this.wipe.show(null, content.canvas, content.canvas.width / content.canvas.height);
      return;
    }
    const { width, height } = content.pixels, image = new ImageData(width, height);
    blended(parts.map(([found]) => found.pixels.data), parts.map(([, share]) => share), this.settings.colours ? content.pixels.data : null, image.data);
    this.result = new OffscreenCanvas(width, height);
    this.result.getContext("2d").putImageData(image, 0, 0);
    this.wipe.show(this.result, content.canvas, width / height);
    this.find(".shown").dataset.mix = this.settings.mix;
    const seconds = parts.reduce((sum, [found]) => sum + found.seconds, 0);
    this.find(".caption").textContent = fill(this.words[parts.length > 1 ? "caption_mix" : "caption_one"], { n: parts.length, w: width, h: height, ms: Math.max(1, Math.round(1000 * seconds)),
      style: this.chosen().map(([style]) => style.label).join(" + ") });
  }

  async cameraFrame(header, frame) {                        // the very frame that was sent lies behind its style
    const behind = new OffscreenCanvas(frame.width, frame.height);
    behind.getContext("2d").drawImage(frame.image, 0, 0);
    const made = await createImageBitmap(new Blob([header.arrays.jpeg.data.slice()], { type: "image/jpeg" }));
    if (this.settings.source !== "camera") return;
    const [height, width] = header.size, veil = this.camera ? this.settings.steady : 0;
    if (!this.camera || this.camera.width !== width || this.camera.height !== height) this.camera = new OffscreenCanvas(width, height);
    const pen = this.camera.getContext("2d");
    pen.globalAlpha = 1 - veil; pen.drawImage(made, 0, 0); pen.globalAlpha = 1;
    this.wipe.show(this.camera, behind, width / height);
    this.find(".caption").textContent = fill(this.words.caption_camera, { w: width, h: height, ms: Math.round(1000 * header.seconds) });
    this.find(".shown").dataset.frames = String(Number(this.find(".shown").dataset.frames || 0) + 1);
  }

  videoFrame(frame) {
    if (this.settings.source !== "video") return;
    this.wipe.show(frame.image, null, frame.image.width / frame.image.height);
    this.find(".shown").dataset.frames = String(frame.number + 1);
    this.find(".caption").textContent = fill(this.words.caption_video, { n: frame.number + 1, seconds: frame.seconds.toFixed(2), w: frame.image.width, h: frame.image.height });
  }

  close() { clearTimeout(this.resting); this.outputs.close(); this.sources?.close(); this.wipe.close(); }
}

export default mounted(Quick, ".quick");
