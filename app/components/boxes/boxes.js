// Boxes in the browser: every candidate, the threshold, suppression round by round, and boxes of one's own.
// Python side: app/pages/detection/boxes.py, app/figures/detection/boxes.py.
import { BoxEditor } from "../shared/box_editor.js";
import { classColour } from "../shared/class_colours.js";
import { fill, make } from "../shared/dom.js";
import { Instrument } from "../shared/instrument.js";
import { mounted } from "../shared/mounted.js";
import { readableCount } from "../shared/numbers.js";
import { overlapOf } from "../shared/overlap.js";
import { StepPlayer } from "../shared/step_player.js";
import { BoxControls } from "./box_controls.js";
import { PairPanel, RoundTable } from "./panels.js";
import { Scene } from "./scene.js";

const GONE = "#6d727b", MOST_TEXTS = 30;

class BoxesScreen extends Instrument {
  constructor(root) {
    super(root, "boxes", ["pictures", "candidates"]);
    const hooks = (soft) => ({
      style: (item, index, editor) => (soft ? this.softStyle(item) : this.hardStyle(item, index, editor)),
      hover: (index) => this.point(soft ? this.soft : this.hard, index),
      under: (pen, editor) => { this.drawUnder(pen, editor); this.drawPair(pen, editor); },
    });
    this.hard = new BoxEditor({ ...hooks(false), change: (items, done) => this.drawn(done), select: () => this.selected(),
      create: (box) => ({ box, score: 0.8, label: this.settings.label || 0 }) });
    this.soft = new BoxEditor(hooks(true));
    this.captions = [make("figcaption"), make("figcaption")];
    this.find(".views").append(make("figure", { class: "view", "data-view": "hard" }, this.captions[0], this.hard.element),
      make("figure", { class: "view", "data-view": "soft" }, this.captions[1], this.soft.element));
    this.hard.over.setAttribute("aria-describedby", "boxes-help");
    this.observer = new ResizeObserver(() => this.layout());
    this.observer.observe(this.find(".views"));
  }

  useWords(words) {
    this.controls = new BoxControls(this.find(".controls"), words, this);
    this.player = new StepPlayer(words, (step) => this.goTo(step), (at, count) => fill(words.step_place, { at, last: count - 1 }), (count) => Math.min(Math.max(count / 12, 1.5), 30));
    this.find(".play-line").replaceChildren(this.player.element);
    this.pairs = new PairPanel(this.find(".pair"), words);
    this.table = new RoundTable(this.find(".round"), words, (i) => { this.pointed = i; this.redraw(); });
    this.find(".help").textContent = words.keys_help;
  }

  get mine() { return this.settings.source === "mine"; }
  get step() { return Math.min(this.settings.step, this.scene.last); }

  take(block) {
    const { arrays } = block;
    const picture = this.keep("pictures", { id: block.picture.id, image: arrays.image }, arrays.image);
    const candidates = this.keep("candidates", { id: block.candidates.id, boxes: arrays.boxes?.data, scores: arrays.scores?.data, labels: arrays.labels?.data }, arrays.boxes);
    if (!picture || !candidates) { this.exchange.askAgain(); return; }
    const another = this.block?.picture.id !== block.picture.id, told = JSON.stringify(block.drawn);
    this.block = block; this.candidates = candidates;
    if (another) for (const editor of [this.hard, this.soft]) editor.setPicture(picture.image, block.picture.size, `${this.words.title}: ${block.picture.alt}`);
    if (another || this.reload || !this.items || (told !== this.drawnTold && !this.drawnByHand)) {
      this.reload = false;
      this.items = block.drawn.map(([x1, y1, x2, y2, score, label]) => ({ box: [x1, y1, x2, y2], score, label }));
      this.drawnTold = told;
    }
    this.torch = { kept: arrays.kept.data, for: JSON.stringify({ ...block.settings, step: 0 }) };
    this.layout();
    this.build();
    this.ready += 1;
  }

  fail(sentence) { this.notice(sentence[this.words.language], []); }
  refresh() { if (this.scene) this.show(); }

  build() {                                               // a new scene: other boxes or thresholds
    const start = performance.now();
    if (this.mine) {
      const { items } = this;
      this.scene = new Scene(Float32Array.from(items.flatMap(({ box }) => box)), Float32Array.from(items, (item) => item.score), Int32Array.from(items, (item) => item.label), this.settings);
    } else this.scene = new Scene(this.candidates.boxes, this.candidates.scores, this.candidates.labels, this.settings);
    const { scene } = this;
    const listed = this.mine ? this.items : [...scene.index].sort((i, j) => scene.scores[i] - scene.scores[j]).map((i) => ({ box: scene.box(i), i }));
    this.hard.setEditable(this.mine);
    this.hard.setItems(listed, this.mine ? this.hard.selected : -1);
    this.soft.setItems(this.mine ? listed.map((item, i) => ({ box: item.box, i })) : listed, -1);
    this.pointed = -1;
    this.buildTime = performance.now() - start;
    this.show();
  }

  idOf(item, index) { return this.mine && !("i" in item) ? index : item.i; }

  show() {
    const { words, scene, settings, block } = this;
    this.controls.sync(settings, block, scene, this.mine ? this.hard.shown : null, this.verified());
    this.views();
    this.funnel();
    this.player.set(this.step, scene.steps);
    const { note } = block;
    if (!note || (this.mine && note.kind === "nothing")) this.notice("", []);
    else {
      const values = { own: note.own, best: note.best.toFixed(2), model: words[`model_${note.model}`], shown: note.shown };
      const button = note.kind === "example" ? ["own", words.show_own] : ["example", words.show_example];
      this.notice(fill(words[`note_${note.kind}`], values), [button]);
    }
    this.redraw();
  }

  notice(text, buttons) {
    const box = this.find(".notice");
    box.classList.toggle("cs-hidden", !text);
    box.replaceChildren(make("span", {}, text), ...buttons.map(([photo, label]) => make("button", { class: "cs-button", onclick: () => this.choose({ photo }) }, label)));
  }

  views() {
    const two = this.settings.soft !== "none", { words, scene } = this;
    this.find(".views").classList.toggle("two", two);
    this.find('[data-view="soft"]').classList.toggle("cs-hidden", !two);
    if (!two) return;
    this.captions[0].replaceChildren(make("b", {}, words.hard_title), fill(words.keeps, { n: scene.rounds.length }));
    this.captions[1].replaceChildren(make("b", {}, words[`soft_title_${this.settings.soft}`]), fill(words.keeps_above, { n: scene.softKept.length, score: this.settings.score }));
  }

  funnel() {
    const { words, scene, step } = this;
    const part = (at, count, text) => make("button", { type: "button", "aria-pressed": String(at === step), onclick: () => { this.player.stop(); this.goTo(at); } }, make("b", {}, readableCount(count)), make("span", {}, text));
    const arrow = () => make("i", { "aria-hidden": "true" }, "→");
    this.find(".funnel").replaceChildren(part(0, scene.scores.length, this.mine ? words.stage_drawn : words.stage_all), arrow(),
      part(1, scene.index.length, fill(words.stage_above, { score: this.settings.score })), arrow(), part(scene.last, scene.rounds.length, words.stage_kept));
  }

  verified() {                                            // true, false, or null while PyTorch has not answered for these boxes
    if (this.torch.for !== JSON.stringify({ ...this.settings, step: 0 })) return null;
    const own = [...this.scene.kept].sort((a, b) => a - b), theirs = [...this.torch.kept].sort((a, b) => a - b);
    return own.length === theirs.length && own.every((i, at) => i === theirs[at]);
  }

  redraw() {
    this.hard.draw(); this.soft.draw();
    const { scene, words, step } = this, round = scene.roundAt(step);
    this.table.show(scene, step, this.block.categories, this.pointed);
    this.pair = this.pairOf();
    this.pairs.show(this.pair, scene, this.block.categories, this.settings.iou);
    const values = { all: readableCount(scene.scores.length), above: scene.index.length, kept: scene.rounds.length, score: this.settings.score, iou: this.settings.iou, sign: this.settings.inclusive ? "≥" : ">" };
    let text = fill(words[step === 0 ? (this.mine ? "say_drawn" : "say_all") : step === 1 ? "say_above" : "say_kept"], values);
    if (round) text = fill(words.say_round, { ...values, n: step - 1, name: this.block.categories[scene.labels[round.kept]], p: scene.scores[round.kept].toFixed(3), gone: round.suppressed.length });
    this.find(".sentence").textContent = text;
    clearTimeout(this.saying);
    this.saying = setTimeout(() => { this.find(".heard").textContent = `${text} ${this.pairs.text}`; }, 600);
  }

  pairOf() {                                              // the two boxes whose IoU is read: [index, index] or null
    const { scene, step } = this, round = scene.roundAt(step);
    const own = this.mine && this.items.length > 1 ? Math.max(this.hard.selected, 0) : -1, first = this.pointed >= 0 ? this.pointed : own;
    if (round && (this.pointed < 0 || first === round.kept)) {
      const most = round.iou.indexOf(Math.max(...round.iou));
      return most >= 0 ? [round.kept, round.suppressed[most]] : null;
    }
    if (first < 0) return null;
    if (round && first !== round.kept) return [round.kept, first];
    const others = this.mine ? this.items.map((_, i) => i) : scene.index;
    let best = -1, most = -1;
    for (const i of others) {
      if (i === first) continue;
      const { iou } = overlapOf(scene.box(first), scene.box(i));
      if (iou > most) { most = iou; best = i; }
    }
    return best >= 0 ? [first, best] : null;
  }

  hardStyle(item, index, editor) {
    const i = this.idOf(item, index), { scene, step } = this, fate = scene.fate(i, step), colour = classColour(scene.labels[i]);
    const text = `${this.block.categories[scene.labels[i]]} ${scene.scores[i].toFixed(2)}`, chosen = i === this.pointed || (this.mine && index === editor.selected);
    const few = scene.index.length <= MOST_TEXTS;
    if (fate === "below") return this.mine ? { colour: GONE, weight: 1.5, dash: true, text: chosen || step < 2 ? text : "" } : null;
    if (fate === "gone") return this.mine ? { colour: GONE, weight: 1, dash: true, alpha: chosen ? 0.9 : 0.45, plain: true } : null;
    if (fate === "goes") return { colour: GONE, weight: 1.6, dash: true, text: chosen || this.scene.roundAt(step).suppressed.length <= 3 ? `IoU ${scene.ratio(i, scene.keeper[i]).toFixed(2)}` : "" };
    if (fate === "open") return { colour, weight: chosen ? 2.6 : 1.3, alpha: chosen ? 1 : few ? 0.9 : 0.6, plain: !few && !chosen, text: chosen || (few && step === 1) ? text : "" };
    return { colour, weight: fate === "now" ? 4 : 2.4, text: fate === "now" || step === scene.last || chosen ? text : "" };
  }

  softStyle(item) {
    const { scene, step } = this, { i } = item;
    if (!scene.soft || !scene.decided[i]) return null;
    this.softNow = this.softAt === step && this.softFor === scene ? this.softNow : scene.softScores(step);
    this.softAt = step; this.softFor = scene;
    const score = this.softNow.get(i), strong = score > this.settings.score, colour = classColour(scene.labels[i]);
    return { colour, weight: strong ? 2.2 : 1.2, alpha: Math.max(score, 0.08), plain: !strong || scene.index.length > MOST_TEXTS, text: (strong && step >= scene.last && scene.softKept.length <= MOST_TEXTS) || i === this.pointed ? score.toFixed(2) : "" };
  }

  drawUnder(pen, editor) {                                // step 0: every candidate, thin; drawn once and kept
    const { scene, step } = this;
    if (step !== 0 || this.mine || !scene) return;
    const key = `${this.candidates.id}:${editor.width}:${editor.height}:${editor.ratio}`;
    if (editor.crowdKey !== key) {
      editor.crowdKey = key;
      editor.crowd = new OffscreenCanvas(Math.round(editor.width * editor.ratio), Math.round(editor.height * editor.ratio));
      const ink = editor.crowd.getContext("2d"), paths = new Map();
      ink.scale(editor.ratio, editor.ratio);
      ink.globalAlpha = 0.22; ink.lineWidth = 0.8;
      for (let i = 0; i < scene.scores.length; i++) {
        const label = scene.labels[i];
        if (!paths.has(label)) paths.set(label, new Path2D());
        paths.get(label).rect(...editor.rect(scene.boxes.subarray(4 * i, 4 * i + 4)));
      }
      for (const [label, path] of paths) { ink.strokeStyle = classColour(label); ink.stroke(path); }
    }
    pen.drawImage(editor.crowd, 0, 0, editor.width, editor.height);
  }

  drawPair(pen, editor) {                                 // what the two share, filled
    if (!this.pair || editor !== this.hard) return;
    const { meets } = overlapOf(...this.pair.map((i) => this.scene.box(i)));
    if (!meets) return;
    pen.fillStyle = "rgb(255 176 32 / .38)"; pen.fillRect(...editor.rect(meets));
  }

  point(editor, index) {
    const item = editor.items[index], i = item ? this.idOf(item, index) : -1;
    if (i === this.pointed || !this.scene) return;
    this.pointed = i;
    this.redraw();
  }

  selected() {
    if (!this.scene) return;
    this.pointed = -1;
    if (this.mine && this.items.length !== this.scene.scores.length) this.build(); else this.show();
  }

  drawn(done) {                                           // a person changed boxes
    this.drawnByHand = true;
    this.settings.drawn = this.items.map(({ box, score, label }) => [...box.map((value) => Number(value.toFixed(3))), Number(score.toFixed(3)), label].join(",")).join(";") || ";";
    this.build();
    if (done) this.exchange.rest();
  }

  setShown(values) {                                      // score or class of the chosen box
    if (!this.hard.shown) return;
    Object.assign(this.hard.shown, values);
    this.drawn(true);
  }

  copy() {                                                // the detector's boxes of this step, to be dragged
    const { scene } = this, [height, width] = this.block.picture.size, { step } = this.hard;
    const wanted = (this.step >= scene.last ? scene.kept : [...scene.index].sort((i, j) => scene.scores[j] - scene.scores[i])).slice(0, 40);
    const whole = (value, limit) => Math.min(Math.max(Math.round(value / step) * step, 0), limit);
    this.items = wanted.map((i) => ({ box: scene.box(i).map((value, c) => whole(value, c % 2 ? height : width)), score: Number(scene.scores[i].toFixed(3)), label: scene.labels[i] }))
      .filter(({ box }) => box[2] > box[0] && box[3] > box[1]);
    this.settings.source = "mine"; this.settings.step = 1;
    this.drawn(true);
  }

  startAgain() { this.drawnByHand = false; this.reload = true; this.choose({ drawn: "" }); }

  goTo(step) { this.settings.step = step; this.exchange.rest(); this.show(); }

  choose(values) {                                        // another picture or network: the server answers
    Object.assign(this.settings, values);
    this.player.stop();
    this.exchange.ask();
  }

  change(values) {                                        // the browser answers
    const stage = this.step >= this.scene.last ? Infinity : this.step;
    Object.assign(this.settings, values);
    if ("source" in values) { this.settings.step = 1; this.hard.selected = -1; }
    this.build();
    if (!("source" in values)) this.settings.step = Math.min(stage, this.scene.last);
    this.show();
    this.exchange.rest();
  }

  layout() {
    const wide = this.find(".views").clientWidth;
    if (!wide || !this.block) return;
    const room = Math.max(window.innerHeight * (window.innerWidth <= 900 ? 0.5 : 0.56), 240);
    this.hard.fit(room); this.soft.fit(room);
  }

  close() { super.close(); this.player?.stop(); this.observer.disconnect(); clearTimeout(this.saying); }
}

export default mounted(BoxesScreen, ".boxes-screen");
