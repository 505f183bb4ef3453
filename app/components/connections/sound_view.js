// A one-dimensional filter along a recorded sound: what goes in, what each filter makes of it, and one sum taken apart.
import { fill, make } from "../shared/dom.js";
import { plainNumber } from "../shared/numbers.js";
import { convolveSequence, wavOf } from "./axes.js";
import { ownSound } from "./own_files.js";

const AROUND = 22;

export class SoundView {
  constructor(root, words, change, refused) {
    this.root = root; this.words = words; this.change = change; this.own = null; this.playing = null;
    const lane = (name, label, place) => {
      const canvas = make("canvas", { class: "lane", role: "img", "aria-label": label });
      const button = make("button", { class: "cs-button", "data-play": name, "aria-label": `${words.hear} ${label}`, onclick: () => this.hear(place) }, words.hear);
      const title = make(place < 0 ? "span" : "button", { class: place < 0 ? "name" : "name pick", onclick: place < 0 ? null : () => change({ sound_filter: place }) }, label);
      const seek = (event) => { if (event.type !== "pointermove" || event.buttons) this.seek(event, canvas); };
      canvas.addEventListener("pointerdown", seek); canvas.addEventListener("pointermove", seek);
      return { name, canvas, place, element: make("div", { class: "lane-row", "data-lane": name }, make("div", { class: "lane-head" }, title, button), canvas) };
    };
    this.lanes = [lane("input", words.sound_input, -1), ...words.sound_filters.map((name, place) => lane(name, words[`sound_${name}`], place))];
    this.zoom = make("canvas", { class: "zoom", role: "img", "aria-label": words.zoom_title });
    this.sentence = make("p", { class: "sentence" }); this.shape = make("p", { class: "quiet" });
    this.input = make("input", { type: "file", accept: "audio/*,.wav", class: "cs-only-heard", "aria-label": words.own_sound, onchange: async () => { const [file] = this.input.files; this.input.value = ""; if (file) await this.take(file, refused); } });
    const own = make("button", { class: "cs-button", onclick: () => this.input.click() }, words.own_sound), save = make("button", { class: "cs-button", onclick: () => this.save() }, words.save_sound);
    root.replaceChildren(make("div", { class: "lanes" }, this.lanes.map(({ element }) => element)), this.shape, make("h3", {}, words.zoom_title), this.zoom, this.sentence, make("div", { class: "presets" }, own, this.input, save, make("span", { class: "quiet" }, words.own_stays)));
    this.observer = new ResizeObserver(() => this.samples && this.draw());
    this.observer.observe(root);
  }

  show(settings, sound, bank) {                           // bank: [4, taps]
    this.settings = settings; this.rate = sound.rate;
    const samples = this.own || sound.samples, filters = bank.shape[1];
    if (samples !== this.samples || bank !== this.bank) {
      Object.assign(this, { samples, bank });
      this.weights = Array.from({ length: bank.shape[0] }, (_, i) => bank.data.subarray(i * filters, (i + 1) * filters));
      this.outputs = this.weights.map((weight) => convolveSequence(samples, weight));
    }
    this.draw();
  }

  get at() { return Math.min(this.settings.sample, this.samples.length - 1); }

  seek(event, canvas) {
    const box = canvas.getBoundingClientRect();
    this.change({ sample: Math.round(Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1) * (this.samples.length - 1)) });
  }

  draw() {
    for (const lane of this.lanes) this.drawLane(lane);
    this.drawZoom();
    const { samples, weights, words, settings } = this, weight = weights[settings.sound_filter], half = (weight.length - 1) / 2, value = this.outputs[settings.sound_filter][this.at];
    this.shape.textContent = fill(words.sound_shape, { length: samples.length.toLocaleString("en-US"), seconds: (samples.length / this.rate).toFixed(2), depth: weights.length, taps: weight.length });
    const terms = [];
    for (let j = 0; j < weight.length; j++) terms.push([weight[j], samples[this.at + j - half] ?? 0]);
    const number = (one) => { const text = plainNumber(one, 4); return text.startsWith("−") ? `(${text})` : text; };
    this.sentence.textContent = fill(words.sound_sum, { sample: this.at.toLocaleString("en-US"), filter: words[`sound_${words.sound_filters[settings.sound_filter]}`], sum: terms.slice(0, 9).map(([a, b]) => `${number(a)}·${number(b)}`).join(" + ") + (terms.length > 9 ? " + …" : ""), value: plainNumber(value, 5) });
  }

  pen(canvas) {
    const width = canvas.clientWidth, height = canvas.clientHeight, ratio = window.devicePixelRatio || 1, style = getComputedStyle(canvas);
    canvas.width = width * ratio; canvas.height = height * ratio;
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    return { pen, width, height, ink: style.color, accent: style.getPropertyValue("--st-primary-color").trim() || "#b8127b" };
  }

  drawLane({ canvas, place, element }) {
    element.classList.toggle("chosen", place === this.settings.sound_filter);
    if (!canvas.clientWidth) return;
    const { pen, width, height, ink, accent } = this.pen(canvas), data = place < 0 ? this.samples : this.outputs[place], per = data.length / width;
    let most = 0.05;
    for (const value of this.samples) most = Math.max(most, Math.abs(value));
    pen.fillStyle = place === this.settings.sound_filter ? accent : `color-mix(in srgb, ${ink} 70%, transparent)`;
    for (let x = 0; x < width; x++) {
      let low = Infinity, high = -Infinity;
      for (let i = Math.floor(x * per); i < Math.min(data.length, Math.ceil((x + 1) * per)); i++) { low = Math.min(low, data[i]); high = Math.max(high, data[i]); }
      const top = height / 2 - Math.min(high / most, 1) * (height / 2 - 1), bottom = height / 2 - Math.max(low / most, -1) * (height / 2 - 1);
      pen.fillRect(x, top, 1, Math.max(bottom - top, 0.8));
    }
    pen.fillStyle = accent; pen.fillRect(this.at / data.length * width, 0, 1.5, height);
  }

  drawZoom() {
    const { settings, samples } = this, weight = this.weights[settings.sound_filter], output = this.outputs[settings.sound_filter], half = (weight.length - 1) / 2, reach = Math.max(AROUND, Math.ceil(half * 1.5));
    if (!this.zoom.clientWidth) return;
    const { pen, width, height, ink, accent } = this.pen(this.zoom), step = width / (2 * reach + 1), third = height / 3, x = (i) => (i + reach + 0.5) * step;
    const range = (list, count) => { let most = 1e-6; for (let i = -count; i <= count; i++) most = Math.max(most, Math.abs(list(i) ?? 0)); return most; };
    const sound = (i) => samples[this.at + i], made = (i) => output[this.at + i], factor = (i) => weight[i + half], loud = range(sound, reach);
    pen.fillStyle = `color-mix(in srgb, ${accent} 12%, transparent)`; pen.fillRect(x(-half) - step / 2, 0, step * weight.length, 2 * third);
    const rows = [[sound, loud, this.words.zoom_sound, reach], [factor, range(factor, half), this.words.zoom_filter, half], [made, Math.max(loud, range(made, reach)), this.words.zoom_output, reach]];
    rows.forEach(([value, most, label, count], row) => {
      const zero = third * (row + 0.5), tall = third / 2 - 8;
      pen.fillStyle = `color-mix(in srgb, ${ink} 66%, transparent)`; pen.font = `12px ${getComputedStyle(this.zoom).getPropertyValue("--st-font") || "sans-serif"}`; pen.textBaseline = "top"; pen.fillText(label, 4, third * row + 3);
      pen.strokeStyle = `color-mix(in srgb, ${ink} 22%, transparent)`; pen.lineWidth = 1; pen.beginPath(); pen.moveTo(0, zero); pen.lineTo(width, zero); pen.stroke();
      for (let i = -count; i <= count; i++) {
        const one = value(i);
        if (one === undefined) continue;
        const y = zero - one / most * tall;
        pen.strokeStyle = pen.fillStyle = row === 2 && i === 0 ? accent : one < 0 ? "#2f77b8" : "#c2443a";
        pen.lineWidth = row === 2 && i === 0 ? 3 : 1.4; pen.beginPath(); pen.moveTo(x(i), zero); pen.lineTo(x(i), y); pen.stroke();
        pen.beginPath(); pen.arc(x(i), y, row === 2 && i === 0 ? 4.5 : Math.min(2.6, step * 0.35), 0, 7); pen.fill();
      }
    });
  }

  async hear(place) {                                     // as loud as the file has it; what is louder is cut
    this.stop();
    this.context ||= new AudioContext();
    await this.context.resume();
    const data = place < 0 ? this.samples : this.outputs[place], buffer = this.context.createBuffer(1, data.length, this.rate), source = this.context.createBufferSource();
    buffer.copyToChannel(Float32Array.from(data, (value) => Math.max(-1, Math.min(1, value))), 0);
    source.buffer = buffer; source.connect(this.context.destination); source.start();
    this.playing = source; this.heard = place;
    const { element } = this.lanes[place + 1];
    element.classList.add("sounding");
    source.onended = () => element.classList.remove("sounding");
  }

  stop() { try { this.playing?.stop(); } catch { /* it has ended already */ } this.playing = null; }

  async take(file, refused) {
    try { this.own = await ownSound(file, this.rate); refused(null); } catch (error) { refused(error.message); return; }
    this.change({ sample: Math.min(this.settings.sample, this.own.length - 1) });
  }

  save() {
    const link = make("a", { href: URL.createObjectURL(new Blob([wavOf(this.outputs[this.settings.sound_filter], this.rate)], { type: "audio/wav" })), download: "filtered.wav" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  move(by) { this.change({ sample: Math.min(Math.max(this.at + by, 0), this.samples.length - 1) }); }

  close() { this.stop(); this.context?.close(); this.observer.disconnect(); }
}
