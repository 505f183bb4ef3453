// Transposed convolution in the browser. Python side: app/pages/convolution/transposed_convolution.py, app/figures/convolution/.
import { make } from "../shared/dom.js";
import { choiceField, flagField, group, rangeField, selectField } from "../shared/fields.js";
import { Instrument } from "../shared/instrument.js";
import { mounted } from "../shared/mounted.js";
import { MatrixView } from "./matrix_view.js";
import { PhotoView } from "./photo_view.js";
import { StepsView } from "./steps_view.js";

const VIEW_IDS = ["matrix", "steps", "photo"], DRAWN_HERE = ["step", "learned", "stride", "padding", "transposed", "up_stride", "up_padding", "extra"];

class TransposedConvolution extends Instrument {
  constructor(root) {
    super(root, "transposed_convolution", ["photos"]);
    this.find(".panel").addEventListener("keydown", (event) => this.key(event));
  }

  useWords(words) {
    this.words = words;
    this.shown = null;
    this.find(".help").textContent = words.keys_help;
    this.tabs = VIEW_IDS.map((view) => make("button", { class: "cs-button", "data-tab": view, onclick: () => this.change({ view }) }, words[`tab_${view}`]));
    this.find(".tabs").replaceChildren(...this.tabs);
    const range = (name, low, high) => rangeField(words[name], low, high, 1, (value) => this.change({ [name]: value })), pick = (name, options) => choiceField(words[name], options, (value) => this.change({ [name]: value }));
    this.fields = { filter: selectField(words.filter, words.filters.map(([id, label]) => [id, words[`filter_${id}`] || label]), (filter) => this.change({ filter })), kernel: range("kernel", 1, 5), size: range("size", 2, 7), stride: range("stride", 1, 3), padding: range("padding", 0, 2),
      transposed: flagField(words.transposed, (transposed) => this.change({ transposed })), small: range("small", 1, 4), up_stride: range("up_stride", 1, 4), up_padding: range("up_padding", 0, 2), extra: range("extra", 0, 3),
      values: pick("values", ["numbers", "picture"].map((id) => [id, words[`values_${id}`]])), factor: pick("factor", ["2", "3", "4"].map((id) => [id, `${id}×`])) };
    const { filter, kernel, size, stride, padding, transposed, small, up_stride: upStride, up_padding: upPadding, extra, values, factor } = this.fields;
    this.groups = { filter: group(words.group_filter, true, filter, kernel), matrix: group(words.group_matrix, true, size, stride, padding, transposed, make("p", { class: "quiet" }, words.transposed_note)),
      steps: group(words.group_steps, true, small, upStride, upPadding, extra, values), photo: group(words.group_photo, true, factor, make("button", { class: "cs-button", onclick: () => this.change({ seed: (this.settings.seed + 1) % 10000, learned: 0 }) }, words.fresh), make("p", { class: "quiet" }, words.fresh_note)) };
    this.find(".controls").replaceChildren(...Object.values(this.groups));
  }

  take(block) {
    const { arrays, error } = block;
    this.exchange.waiting = false;
    this.find(".notice").classList.toggle("cs-hidden", !error);
    this.find(".stage").classList.toggle("stale", Boolean(error));
    if (error) this.find(".notice").textContent = this.words.error_image_too_small;
    Object.assign(this, { weight: block.weight, pixels: block.pixels, start: block.start });
    this.photo = null;
    if (block.photo && !error) {
      const photo = this.keep("photos", { ...block.photo, ...arrays }, arrays.goal);
      if (!photo) { this.exchange.askAgain(); return; }
      this.photo = photo;
    }
    this.show();
    this.ready += 1;
  }

  fail(sentences) { const box = this.find(".notice"); box.textContent = sentences[this.words.language]; box.classList.remove("cs-hidden"); }

  get fits() { return this.weight?.length === this.settings.kernel && this.pixels?.length === this.settings.size && this.start?.length === this.settings.small; }

  show() {
    const { settings, words } = this, { view } = settings;
    for (const tab of this.tabs) tab.setAttribute("aria-pressed", String(tab.dataset.tab === view));
    for (const [name, part] of Object.entries(this.groups)) part.classList.toggle("cs-hidden", name === "filter" ? view === "photo" : name !== view);
    for (const [name, field] of Object.entries(this.fields)) field.set(settings[name]);
    this.fields.extra.slider.max = String(settings.up_stride - 1); this.fields.extra.slider.disabled = settings.up_stride === 1;
    if (this.shown !== view) {
      this.view?.close();
      const panel = this.find(".panel"), change = (values) => this.change(values);
      this.view = view === "matrix" ? new MatrixView(panel, words) : view === "steps" ? new StepsView(panel, words, change) : new PhotoView(panel, words, change);
      this.shown = view; this.opened = null;
      panel.setAttribute("aria-label", words[`tab_${view}`]);
    }
    if (view === "photo") {
      if (this.photo && this.opened !== this.photo.id) { this.opened = this.photo.id; this.view.open(this.photo); }
      this.view.show(settings.learned);
    } else if (this.fits) this.view.show(settings, this.weight, view === "matrix" ? this.pixels : this.start);
  }

  change(values) {
    const settings = Object.assign(this.settings, values);   // the same bounds as cnn/convolution/transposed_settings.py
    settings.size = Math.max(settings.size, settings.kernel);
    settings.extra = Math.min(settings.extra, settings.up_stride - 1);
    const full = (settings.small - 1) * settings.up_stride + settings.kernel + settings.extra;
    settings.up_padding = Math.min(settings.up_padding, Math.floor((full - 1) / 2), settings.kernel - 1);
    settings.step = Math.min(settings.step, settings.small ** 2);
    if (Object.keys(values).every((name) => DRAWN_HERE.includes(name))) this.exchange.rest(); else this.exchange.ask();
    this.show();
  }

  refresh() { if (this.ready) this.show(); }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== this.find(".panel") || !this.ready) return;
    const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (this.shown === "matrix" && moves) this.view.move(...moves);
    else if (this.shown !== "matrix" && moves && moves[1]) this.view.player.step(moves[1]);
    else if (this.shown !== "matrix" && event.key === " ") this.view.player.toggle();
    else return;
    event.preventDefault();
  }

  close() { super.close(); this.view?.close(); }
}

export default mounted(TransposedConvolution, ".transposed-screen");
