// A classifier slid over a picture: crop by crop as the server computes them, beside the one pass of the converted network.
// Python side: app/pages/detection/sliding_window.py, app/figures/detection/sliding_window.py.
import { BoxEditor } from "../shared/box_editor.js";
import { SCALES, cssColour, gradientCss } from "../shared/colours.js";
import { fill, make } from "../shared/dom.js";
import { group, rangeField, selectField } from "../shared/fields.js";
import { Instrument } from "../shared/instrument.js";
import { mounted } from "../shared/mounted.js";
import { StepPlayer } from "../shared/step_player.js";
import { Comparison } from "./comparison.js";
import { ClassTable, CostPanel, showLayers } from "./window_panels.js";

const MODELS = ["imagenette-resnet", "flowers-transfer", "tiny-vgg", "fashion-cnn", "lenet5-mnist"];

class WindowScreen extends Instrument {
  constructor(root) {
    super(root, "sliding_window", ["pictures", "passes"]);
    this.sliding = false; this.hovered = -1;
    this.views = ["crop", "once"].map((kind) => {
      const editor = new BoxEditor({ style: () => null, hover: (index, x, y) => this.point(x, y), press: (x, y) => this.pick(x, y), under: (pen) => this.drawHeat(pen, editor, kind), over: (pen) => this.drawWindow(pen, editor, kind) });
      const name = make("b"), state = make("span");
      editor.over.setAttribute("aria-describedby", "window-help");
      editor.over.addEventListener("keydown", (event) => this.key(event));
      this.find(".views").append(make("figure", { class: "view", "data-view": kind }, make("figcaption", {}, name, state), editor.element));
      return { kind, editor, name, state };
    });
    this.find(".legend i").style.background = gradientCss(SCALES.magnitude);
    this.observer = new ResizeObserver(() => this.layout());
    this.observer.observe(this.find(".views"));
  }

  useWords(words) {
    this.model = selectField(words.model, MODELS.map((name) => [name, words[`model_${name}`]]), (model) => this.ask({ model, label: -1, at: -1 }));
    this.facts = make("p", { class: "quiet" });
    this.window = rangeField(words.window, 10, 100, 1, (window) => this.ask({ window, at: -1 }), "%");
    this.stride = rangeField(words.stride, 1, 12, 1, (stride) => this.ask({ stride, at: -1 }));
    this.sizes = make("p", { class: "quiet" });
    this.label = selectField(words.label, [], (label) => { Object.assign(this.settings, { label: Number(label), at: -1 }); this.sliding = false; this.exchange.rest(); this.show(); });
    this.find(".controls").replaceChildren(group(words.group_network, true, this.model, this.facts), group(words.group_window, true, this.window, this.stride, this.sizes),
      group(words.group_view, true, this.label, make("p", { class: "quiet" }, words.view_hint)));
    this.player = new StepPlayer(words, (at) => this.slideTo(at), (at, count) => fill(words.place, { at: at + 1, count }), (count) => Math.min(Math.max(count / 10, 3), 40));
    this.find(".play-line").replaceChildren(this.player.element);
    this.costs = new CostPanel(this.find(".costs"), words);
    this.table = new ClassTable(this.find(".classes"), words);
    this.find(".help").textContent = words.keys_help;
    this.listed = "";
  }

  take(block) {
    if (block.crops) { this.takeRow(block); return; }
    const { arrays } = block, { pass } = block;
    const picture = this.keep("pictures", { id: block.picture.id, image: arrays.image }, arrays.image);
    const fresh = arrays.scores && { id: pass.id, boxes: arrays.boxes.data, comparison: new Comparison(pass.id, arrays.scores.data, pass.categories.length, pass.grid) };
    const found = this.keep("passes", fresh || { id: pass.id }, fresh);
    if (!picture || !found) { this.exchange.askAgain(); return; }
    const another = this.block?.picture.id !== block.picture.id, news = this.block?.pass.id !== pass.id;
    this.block = block; this.boxes = found.boxes; this.comparison = found.comparison;
    if (another) for (const { editor } of this.views) editor.setPicture(picture.image, block.picture.size, `${this.words.title}: ${block.picture.alt}`);
    if (news) { this.sliding = false; this.hovered = -1; this.player.stop(); }
    if (arrays.crop_scores && !this.comparison.complete && arrays.scores) this.takeAll(arrays.crop_scores.data, pass.crop_seconds);
    this.layout();
    this.show();
    this.askRow();
    this.ready += 1;
  }

  takeAll(scores, seconds) {                              // without the live route: every crop at once
    const { comparison } = this, { rows, columns, classes, count } = comparison;
    for (let row = 0; row < rows; row++) {
      const part = new Float32Array(classes * columns);
      for (let k = 0; k < classes; k++) part.set(scores.subarray(k * count + row * columns, k * count + (row + 1) * columns), k * columns);
      comparison.addRow(row, part, seconds / rows);
    }
  }

  askRow() {                                              // the next row of crops, unless something else is asked for
    const { comparison, exchange } = this;
    if (comparison.complete || !exchange.usable || exchange.channel.waiting || this.rowAsked === `${comparison.id}:${comparison.arrived}`) return;
    this.rowAsked = `${comparison.id}:${comparison.arrived}`;
    exchange.channel.request("sliding_window", { ...exchange.address, settings: this.block.settings, row: comparison.arrived });
  }

  takeRow({ crops, arrays }) {
    this.rowAsked = "";
    if (crops.pass === this.comparison?.id) this.comparison.addRow(crops.row, arrays.crop_scores.data, crops.seconds);
    this.show();
    this.askRow();
  }

  fail(sentence) { this.rowAsked = ""; const box = this.find(".notice"); box.classList.remove("cs-hidden"); box.textContent = sentence[this.words.language]; }
  refresh() { if (this.comparison) this.show(); }

  get labelShown() { const { label } = this.settings; return label >= 0 && label < this.comparison.classes ? label : this.comparison.strongestClass; }

  get at() {                                              // the window that is read
    if (this.hovered >= 0) return this.hovered;
    const { at } = this.settings;
    return at >= 0 ? Math.min(at, this.comparison.count - 1) : this.comparison.strongestWindow(this.labelShown);
  }

  show() {
    const { words, block, comparison, settings, labelShown } = this, { pass } = block, label = pass.categories[labelShown];
    this.find(".notice").classList.add("cs-hidden");
    this.model.set(settings.model); this.window.set(pass.percent); this.stride.set(pass.stride);
    this.window.slider.min = String(pass.least);
    this.facts.textContent = fill(words.facts, { height: pass.input[0], width: pass.input[1], classes: pass.categories.length, jump: pass.jump[0] });
    this.sizes.textContent = fill(words.sizes, { side: pass.window, step: pass.step[1].toFixed(1), rows: comparison.rows, columns: comparison.columns, count: comparison.count })
      + (pass.stride > settings.stride ? ` ${fill(words.stride_raised, { stride: settings.stride, used: pass.stride })}` : "") + (pass.percent > settings.window ? ` ${fill(words.window_raised, { window: settings.window })}` : "");
    const key = `${pass.id}:${words.language}`;
    if (this.listed !== key) { this.listed = key; this.label.input.replaceChildren(make("option", { value: "-1" }, words.label_auto), ...pass.categories.map((name, k) => make("option", { value: k }, name))); }
    this.label.set(String(settings.label < comparison.classes ? settings.label : -1));
    const [crop, once] = this.views;
    crop.name.textContent = words.view_crop; once.name.textContent = words.view_once;
    crop.state.textContent = comparison.complete ? fill(words.crops_done, { n: comparison.count }) : fill(words.crops_so_far, { n: comparison.arrived * comparison.columns, count: comparison.count });
    once.state.textContent = fill(words.once_done, { n: comparison.count });
    this.player.set(this.at, comparison.count);
    this.costs.show(pass, comparison);
    if (this.layersOf !== `${pass.model}:${words.language}`) { this.layersOf = `${pass.model}:${words.language}`; showLayers(this.find(".layers"), words, block.layers); }
    this.showVerdict(pass);
    this.redraw();
    clearTimeout(this.saying);
    this.saying = setTimeout(() => { this.find(".heard").textContent = `${label}: ${this.find(".legend output").textContent}. ${this.find(".verdict").textContent}`; }, 700);
  }

  showVerdict(pass) {
    const { words, comparison } = this, box = this.find(".verdict"), { difference, same, agree } = comparison.verdict();
    box.className = "verdict";
    if (!comparison.arrived) { box.textContent = words.verdict_waiting; return; }
    box.classList.add(same ? "same" : "differs");
    box.textContent = fill(words[same ? "verdict_same" : pass.padded ? "verdict_padded" : "verdict_differs"], { difference: same ? difference.toExponential(1) : difference.toFixed(2), agree: (100 * agree).toFixed(0), n: comparison.arrived * comparison.columns });
  }

  redraw() {
    const { comparison, at, labelShown, block } = this, once = comparison.onceHeat[at][labelShown], crop = comparison.cropHeat[at]?.[labelShown];
    this.views.forEach(({ editor }) => editor.draw());
    this.find(".legend output").textContent = fill(this.words.value_here, { name: block.pass.categories[labelShown], crop: crop === undefined ? "…" : crop.toFixed(3), once: once.toFixed(3) });
    this.table.show(comparison, block.pass.categories, at, labelShown);
  }

  windowBox(at) { return Array.from(this.boxes.subarray(4 * at, 4 * at + 4)); }

  drawHeat(pen, editor, kind) {
    if (!this.comparison) return;
    const { comparison, labelShown } = this, heats = kind === "once" ? comparison.onceHeat : comparison.cropHeat, [high, wide] = this.block.pass.step;
    const end = kind === "crop" && this.sliding ? this.at + 1 : comparison.count;
    for (let at = 0; at < end; at++) {
      const heat = heats[at];
      if (!heat) continue;
      const [x1, y1, x2, y2] = this.windowBox(at), x = (x1 + x2) / 2, y = (y1 + y2) / 2, value = heat[labelShown];
      pen.globalAlpha = 0.14 + 0.6 * value;
      pen.fillStyle = cssColour(SCALES.magnitude, Math.round(value * 255));
      const [left, top, width, height] = editor.rect([x - wide / 2, y - high / 2, x + wide / 2, y + high / 2]);
      pen.fillRect(left + 0.5, top + 0.5, width - 1, height - 1);
    }
    pen.globalAlpha = 1;
  }

  drawWindow(pen, editor, kind) {
    if (!this.comparison) return;
    const box = this.windowBox(this.at), heat = (kind === "once" ? this.comparison.onceHeat : this.comparison.cropHeat)[this.at];
    const colour = getComputedStyle(this.find(".stage")).getPropertyValue("--st-primary-color").trim() || "#b8127b";
    const dark = kind === "crop" && !heat, style = { colour: dark ? "#6d727b" : "#b8127b", weight: kind === "crop" ? 3 : 1.6, dash: kind === "once", text: heat ? heat[this.labelShown].toFixed(2) : "" };
    if (kind === "crop") {                                // what the crop does not see lies in the shade
      const shade = new Path2D(), [height, width] = editor.size;
      shade.rect(...editor.rect([0, 0, width, height])); shade.rect(...editor.rect(box));
      pen.fillStyle = "rgb(0 0 0 / .34)"; pen.fill(shade, "evenodd");
    }
    editor.outline(pen, box, { ...style, colour: dark ? style.colour : colour });
    if (style.text) editor.tag(pen, box, style);
  }

  windowAt(x, y) {
    const { comparison, block } = this, [high, wide] = block.pass.step, [x1, y1, x2, y2] = this.windowBox(0);
    const row = Math.round((y - (y1 + y2) / 2) / high), column = Math.round((x - (x1 + x2) / 2) / wide);
    const within = (value, most) => Math.min(Math.max(value, 0), most - 1);
    return within(row, comparison.rows) * comparison.columns + within(column, comparison.columns);
  }

  point(x, y) {
    if (!this.comparison || this.player.playing) return;
    const at = x === null ? -1 : this.windowAt(x, y);
    if (at === this.hovered) return;
    this.hovered = at;
    this.player.set(this.at, this.comparison.count);
    this.redraw();
  }

  pick(x, y) {
    if (!this.comparison) return true;
    this.player.stop();
    this.sliding = false;
    this.settings.at = this.windowAt(x, y); this.hovered = -1;
    this.exchange.rest();
    this.show();
    return true;
  }

  slideTo(at) {
    this.sliding = true; this.hovered = -1;
    this.settings.at = at;
    if (at === this.comparison.count - 1) this.sliding = false;
    this.player.set(at, this.comparison.count);
    this.redraw();
    this.exchange.rest();
  }

  key(event) {
    const { columns, count } = this.comparison, steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
    if (event.ctrlKey || event.metaKey || !(event.key in steps)) return;
    event.preventDefault();
    this.player.stop();
    this.hovered = -1; this.sliding = false;
    this.settings.at = Math.min(Math.max(this.at + steps[event.key], 0), count - 1);
    this.exchange.rest();
    this.show();
  }

  ask(values) { Object.assign(this.settings, values); this.player.stop(); this.rowAsked = ""; this.exchange.ask(); }

  layout() {
    if (!this.find(".views").clientWidth || !this.block) return;
    const room = Math.max(window.innerHeight * (window.innerWidth <= 900 ? 0.36 : 0.5), 200);
    for (const { editor } of this.views) editor.fit(room);
  }

  close() { super.close(); this.player?.stop(); this.observer.disconnect(); clearTimeout(this.saying); }
}

export default mounted(WindowScreen, ".window-screen");
