// A three-dimensional filter through a video: three frames of 3 × 3 pixels make one number.
import { fill, make } from "../shared/dom.js";
import { SCALES, gradientCss, paintMap } from "../shared/colours.js";
import { plainNumber, shortNumber } from "../shared/numbers.js";
import { Plane } from "../shared/plane.js";
import { StepPlayer } from "../shared/step_player.js";
import { Viewport } from "../shared/viewport.js";
import { convolveFrames } from "./axes.js";
import { ownVideo } from "./own_files.js";

const LIMITS = [60, 30, 255, 30];                         // gray levels that the colours reach to, by filter

export class VideoView {
  constructor(root, words, change, refused) {
    this.root = root; this.words = words; this.change = change; this.own = null;
    this.viewport = new Viewport(() => this.redraw());
    this.views = { frame: this.view("frame", words.video_frame), output: this.view("output", "") };
    this.small = words.video_filters.map((name, place) => { const view = this.view(`small-${name}`, words[`video_${name}`], true), button = make("button", { class: "tile", "data-filter": name, onclick: () => change({ video_filter: place }) }, view.element); return { ...view, button }; });
    this.player = new StepPlayer(words, (at) => change({ frame: at + 1 }), (at, count) => fill(words.frame_of, { n: at + 1, all: count }), () => 12.5);
    this.sentence = make("p", { class: "sentence" }); this.shape = make("p", { class: "quiet" });
    this.bar = make("div", { class: "colour-bar", role: "img", "aria-label": words.legend_alt });
    this.ends = [make("span"), make("span"), make("span")];
    this.patch = make("div", { class: "patches" });
    this.input = make("input", { type: "file", accept: "video/*", class: "cs-only-heard", "aria-label": words.own_video, onchange: async () => { const [file] = this.input.files; this.input.value = ""; if (file) await this.take(file, refused); } });
    this.reading = make("span", { class: "quiet" });
    root.replaceChildren(make("div", { class: "videos" }, this.views.frame.element, this.views.output.element), this.player.element, make("div", { class: "tiles" }, this.small.map(({ button }) => button)), make("div", { class: "signed-legend" }, this.bar, make("div", { class: "ends" }, this.ends)), this.sentence, this.patch, this.shape,
      make("div", { class: "presets" }, make("button", { class: "cs-button", onclick: () => this.input.click() }, words.own_video), this.input, this.reading, make("span", { class: "quiet" }, words.own_stays)));
    this.observer = new ResizeObserver(() => this.layout());
    this.observer.observe(root);
  }

  view(name, label, small = false) {
    const plane = new Plane(small ? new Viewport(() => {}) : this.viewport, { takesWheel: () => false, hover: (from, row, column) => { if (!small) this.point(name === "frame" ? [row - 1, column - 1] : [row, column]); }, leave: () => { if (!small) this.point(null); }, press: () => {} });
    plane.over.setAttribute("role", "img"); plane.over.setAttribute("aria-label", label);
    const title = make("span", { class: "name" }, label), size = make("span", { class: "shape" });
    return { plane, title, size, element: make("figure", { class: "view", "data-view": name }, make("figcaption", { class: "title" }, title, size), plane.frame) };
  }

  show(settings, video, bank) {                           // video.frames: {data, shape [T, H, W]}; bank: [4, 3, 3, 3]
    this.settings = settings;
    const frames = this.own || video.frames, fresh = frames !== this.frames;
    Object.assign(this, { frames, weights: [0, 1, 2, 3].map((i) => bank.data.subarray(27 * i, 27 * (i + 1))) });
    const [count, height, width] = frames.shape;
    this.at = Math.min(Math.max(settings.frame, 1), count - 2);
    if (fresh) for (const view of [...Object.values(this.views), ...this.small]) view.plane.viewport.fitTo(0, 0, width, height);
    this.outputs = this.weights.map((weight) => convolveFrames(frames.data, frames.shape, this.at, weight));
    const frame = frames.data.subarray(this.at * height * width, (this.at + 1) * height * width), affine = { x: 1, y: 1, width: 1, height: 1 };
    this.views.frame.plane.setContent({ rows: height, columns: width, affine: { x: 0, y: 0, width: 1, height: 1 }, numbersAt: null, paint: (out) => { for (let i = 0; i < out.length; i++) out[i] = SCALES.gray[frame[i]]; } });
    const content = (place) => ({ rows: height - 2, columns: width - 2, affine, numbersAt: (r, c) => [shortNumber(this.outputs[place][r * (width - 2) + c])], paint: (out) => paintMap(this.outputs[place], out, { kind: place === 2 ? "gray" : "signed", limit: LIMITS[place] }) });
    this.views.output.plane.setContent(content(settings.video_filter));
    this.small.forEach(({ plane, button }, place) => { plane.setContent(content(place)); button.setAttribute("aria-pressed", String(place === settings.video_filter)); });
    const { words } = this, gray = settings.video_filter === 2, limit = LIMITS[settings.video_filter];
    this.views.output.title.textContent = words[`video_${words.video_filters[settings.video_filter]}`];
    this.views.frame.size.textContent = `${width} × ${height}`; this.views.output.size.textContent = `${width - 2} × ${height - 2}`;
    this.bar.style.background = gradientCss(gray ? SCALES.gray : SCALES.signed, gray ? 0 : 1);
    [gray ? 0 : -limit, gray ? "" : 0, limit].forEach((value, i) => { this.ends[i].textContent = value === "" ? "" : plainNumber(value); });
    this.shape.textContent = fill(words.video_shape, { t: count, h: height, w: width, t2: count - 2, h2: height - 2, w2: width - 2, depth: this.weights.length });
    this.player.set(this.at - 1, count - 2);
    if (fresh) this.layout(); else this.redraw();
  }

  point(place) {                                          // [row, column] of the output
    this.hovered = place;
    const { words, frames } = this, [, height, width] = frames.shape;
    for (const view of Object.values(this.views)) view.plane.clearOver();
    if (!place || place[0] < 0 || place[1] < 0 || place[0] >= height - 2 || place[1] >= width - 2) { this.sentence.textContent = words.point_video; this.patch.replaceChildren(); return; }
    const accent = getComputedStyle(this.root).getPropertyValue("--st-primary-color").trim() || "#b8127b", [row, column] = place, weight = this.weights[this.settings.video_filter];
    this.views.frame.plane.outline(row, column, 3, 3, accent); this.views.output.plane.outline(row, column, 1, 1, accent);
    this.sentence.textContent = fill(words.video_sum, { row, column, value: plainNumber(this.outputs[this.settings.video_filter][row * (width - 2) + column], 3) });
    this.patch.replaceChildren(...[0, 1, 2].map((t) => make("div", {}, make("span", { class: "quiet" }, fill(words.frame_n, { n: this.at - 1 + t })), make("div", { class: "patch" }, Array.from({ length: 9 }, (_, i) => make("span", {}, `${frames.data[(this.at - 1 + t) * height * width + (row + Math.floor(i / 3)) * width + column + i % 3]} · ${plainNumber(weight[9 * t + i], 3)}`))))));
  }

  layout() {
    if (!this.frames) return;
    const width = this.views.frame.plane.frame.clientWidth, [, rows, columns] = this.frames.shape;
    if (!width) return;
    const height = Math.round(Math.min(width * rows / columns, window.innerHeight * 0.42));
    for (const view of Object.values(this.views)) view.plane.resize(width, height);
    const tile = this.small[0].plane.frame.clientWidth;
    for (const { plane } of this.small) plane.resize(tile, Math.round(tile * rows / columns));
    this.redraw();
  }

  redraw() { for (const view of [...Object.values(this.views), ...this.small]) view.plane.draw(); this.point(this.hovered || null); }

  async take(file, refused) {
    try { this.own = await ownVideo(file, (part) => { this.reading.textContent = fill(this.words.reading, { n: Math.round(100 * part) }); }); refused(null); } catch (error) { refused(error.message); return; } finally { this.reading.textContent = ""; }
    this.change({ frame: 1 });
  }

  move(by) { this.player.step(by); }

  close() { this.player.stop(); this.observer.disconnect(); }
}
