// Connections in the browser. Python side: app/pages/convolution/connections.py, app/figures/convolution/.
import { make } from "../shared/dom.js";
import { flagField, group, numberField, rangeField, selectField } from "../shared/fields.js";
import { Instrument } from "../shared/instrument.js";
import { mounted } from "../shared/mounted.js";
import { ShiftView } from "./shift_view.js";
import { SoundView } from "./sound_view.js";
import { StacksView } from "./stacks_view.js";
import { VideoView } from "./video_view.js";
import { WeightsView } from "./weights_view.js";

const TABS = { weights: WeightsView, shift: ShiftView, stacks: StacksView, sound: SoundView, video: VideoView };
const ASKED = ["view", "filter", "right", "down", "pool", "relu", "taps"];   // what the server computes
const BOUNDS = { height: [1, 4096], width: [1, 4096], channels: [1, 1024], hidden: [1, 1000000], f: [1, 31], filters: [1, 1024] };

class Connections extends Instrument {
  constructor(root) {
    super(root, "connections", ["recordings"]);
    this.find(".panel").addEventListener("keydown", (event) => this.key(event));
  }

  useWords(words) {
    this.words = words;
    this.view?.close();
    this.shown = null;
    this.find(".help").textContent = words.keys_help;
    this.tabs = Object.keys(TABS).map((view) => make("button", { class: "cs-button", "data-tab": view, onclick: () => this.change({ view }) }, words[`tab_${view}`]));
    this.find(".tabs").replaceChildren(...this.tabs);
    const range = (name, low, high) => rangeField(words[name], low, high, 1, (value) => this.change({ [name]: value }));
    const number = (name) => numberField(words[name], (value) => this.change({ [name]: Math.min(Math.max(Math.round(value), BOUNDS[name][0]), BOUNDS[name][1]) }), 8);
    const select = (name, options) => selectField(words[name], options, (value) => this.change({ [name]: value }));
    this.fields = { n: range("n", 3, 20), k: range("k", 1, 7), ...Object.fromEntries(Object.keys(BOUNDS).map((name) => [name, number(name)])), filter: select("filter", words.shift_filters), right: range("right", -8, 8), down: range("down", -8, 8), pool: range("pool", 2, 8), relu: flagField(words.relu, (relu) => this.change({ relu })),
      compare: select("compare", ["seven", "factorised", "bottleneck"].map((id) => [id, words[`compare_${id}`]])), c: range("c", 4, 1024), taps: rangeField(words.taps, 3, 63, 2, (taps) => this.change({ taps: Math.floor(taps / 2) * 2 + 1 })) };
    const { n, k, height, width, channels, hidden, f, filters, filter, right, down, pool, relu, compare, c, taps } = this.fields, note = (key) => make("p", { class: "quiet" }, words[key]);
    const picks = (name, ids) => { const field = selectField(words[name], ids.map((id, place) => [String(place), words[`${name.split("_")[0]}_${id}`]]), (place) => this.change({ [name]: Number(place) })); this.fields[name] = { ...field, set: (value) => field.set(String(value)) }; return this.fields[name]; };
    this.groups = { weights: [group(words.group_drawing, true, n, k), group(words.group_counts, true, height, width, channels, hidden, f, filters)], shift: [group(words.group_shift, true, right, down, note("drag_note")), group(words.group_layers, true, filter, relu, pool)], stacks: [group(words.group_stacks, true, compare, c, note("stacks_note"))],
      sound: [group(words.group_sound, true, picks("sound_filter", words.sound_filters), taps, note("sound_note"))], video: [group(words.group_video, true, picks("video_filter", words.video_filters), note("video_note"))] };
    this.find(".controls").replaceChildren(...Object.values(this.groups).flat());
  }

  take(block) {
    const { arrays, error } = block, name = block.sound ? "sound" : block.video ? "video" : null;
    this.exchange.waiting = false;
    this.refused(error ? "error_image_too_small" : null);
    this.find(".stage").classList.toggle("stale", Boolean(error));
    if (block.shift && !error) this.study = { images: arrays.images, maps: arrays.maps, pooled: arrays.pooled, dense: arrays.dense, pool: block.settings.pool, shares: block.shift };
    if (name) {
      const data = arrays.samples || arrays.frames, kept = this.keep("recordings", { ...block[name], samples: arrays.samples?.data, frames: arrays.frames }, data);
      if (!kept) { this.exchange.askAgain(); return; }
      this[name] = kept; this[`${name}_bank`] = arrays.bank;
    }
    this.show();
    this.ready += 1;
  }

  refused(key) {                                          // a sentence's id, or null: nothing is wrong
    const box = this.find(".notice");
    box.classList.toggle("cs-hidden", !key);
    if (key) box.textContent = this.words[key] || this.words.file_no_sound;
  }

  fail(sentences) { const box = this.find(".notice"); box.textContent = sentences[this.words.language]; box.classList.remove("cs-hidden"); }

  show() {
    const { settings, words } = this, { view } = settings;
    for (const tab of this.tabs) tab.setAttribute("aria-pressed", String(tab.dataset.tab === view));
    for (const [name, parts] of Object.entries(this.groups)) for (const part of parts) part.classList.toggle("cs-hidden", name !== view);
    for (const [name, field] of Object.entries(this.fields)) field.set(settings[name]);
    if (this.shown !== view) {
      this.view?.close();
      const panel = this.find(".panel");
      this.view = new TABS[view](panel, words, (values) => this.change(values), (key) => this.refused(key));
      this.shown = view;
      panel.setAttribute("aria-label", words[`tab_${view}`]);
    }
    if (view === "shift") this.view.show(settings, this.study);
    else if (view === "sound" || view === "video") { if (this[view]) this.view.show(settings, this[view], this[`${view}_bank`]); }
    else this.view.show(settings);
  }

  change(values) {
    const settings = Object.assign(this.settings, values);   // the same bounds as cnn/convolution/connection_settings.py
    settings.k = Math.min(settings.k, settings.n);
    settings.f = Math.min(settings.f, settings.height, settings.width);
    if (Object.keys(values).some((name) => ASKED.includes(name))) this.exchange.ask(); else this.exchange.rest();
    this.show();
  }

  refresh() { if (this.ready) this.show(); }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== this.find(".panel") || !this.ready) return;
    const [right, down] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] || [0, 0], within = (value) => Math.min(Math.max(value, -8), 8);
    if (!right && !(down && this.shown === "shift")) return;
    if (this.shown === "shift") this.change({ right: within(this.settings.right + right), down: within(this.settings.down + down) });
    else if (this.view.move) this.view.move(right * (event.shiftKey ? 10 : 1));
    event.preventDefault();
  }

  close() { super.close(); this.view?.close(); }
}

export default mounted(Connections, ".connections-screen");
