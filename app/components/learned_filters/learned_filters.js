// Learned filters in the browser. Python side: app/pages/convolution/learned_filters.py, app/figures/convolution/.
import { fill, make } from "../shared/dom.js";
import { choiceField, group, rangeField, selectField } from "../shared/fields.js";
import { Instrument } from "../shared/instrument.js";
import { mounted } from "../shared/mounted.js";
import { plainNumber, readableCount, setText } from "../shared/numbers.js";
import { Curves } from "./curves.js";
import { Learning, readPlan, writePlan } from "./learning.js";
import { Maps } from "./maps.js";
import { WeightGrid } from "./weights.js";

const SPEEDS = [2, 5, 10, 20, 40, 60, 120, 240];

class LearnedFilters extends Instrument {
  constructor(root) {
    super(root, "learned_filters", ["problems"]);
    this.at = 0; this.speed = 3; this.frame = 0;   // 20 steps a second: early maps swing, and slower than three flashes
    this.find(".stage").addEventListener("keydown", (event) => this.key(event));
  }

  update(component) {                                     // a picture chosen while it learns: its problem is wanted at once
    const before = JSON.stringify(this.exchange.address), { opened } = this;
    super.update(component);
    if (!this.frame || before === JSON.stringify(this.exchange.address) || opened !== this.opened) return;
    this.pause();
    this.exchange.ask();
  }

  useWords(words) {
    this.maps?.close(); this.curves?.close();
    this.maps = new Maps(this.find(".map-row"), words);
    this.curves = new Curves(this.find(".curve-box"), words, (step) => { this.pause(); this.go(step); });
    const point = (i) => { this.curves.pointed = i; this.curves.draw(); };
    this.grids = { now: new WeightGrid("now", words.grid_now, point), wanted: new WeightGrid("wanted", words.grid_wanted, point) };
    this.find(".grids").replaceChildren(this.grids.now.element, this.grids.wanted.element);
    this.find(".help").textContent = words.keys_help;
    this.makePlayer(words); this.makeControls(words);
    this.opened = null;
  }

  makePlayer(words) {
    const button = (name, action, text, main) => make("button", { class: main ? "cs-button cs-main" : "cs-button", type: "button", "data-do": name, title: words[name], "aria-label": words[name], onclick: action }, text);
    this.buttons = { play: button("play", () => this.toggle(), words.play, true), back: button("step_back", () => { this.pause(); this.go(this.at - 1); }, "‹"),
      on: button("step_on", () => { this.pause(); this.go(this.at + 1); }, "›"), reset: button("reset", () => { this.pause(); this.go(0); }, words.reset), fresh: button("fresh", () => this.fresh(), words.fresh) };
    this.scrub = make("input", { type: "range", class: "scrub", min: 0, max: 0, step: 1, "aria-label": words.scrub, oninput: () => { this.pause(); this.go(Number(this.scrub.value)); } });
    this.where = make("output", { class: "place" });
    this.rateText = make("output");
    this.rate = make("input", { type: "range", min: 0, max: SPEEDS.length - 1, step: 1, value: this.speed, "aria-label": words.speed, oninput: () => { this.speed = Number(this.rate.value); this.rateText.textContent = fill(words.per_second, { n: SPEEDS[this.speed] }); } });
    this.rateText.textContent = fill(words.per_second, { n: SPEEDS[this.speed] });
    const { play, back, on, reset, fresh } = this.buttons;
    this.find(".player").replaceChildren(play, back, on, reset, fresh, this.scrub, this.where, make("label", { class: "speed" }, this.rate, this.rateText));
  }

  makeControls(words) {
    this.target = selectField(words.target, words.targets, (target) => this.restart({ target }));
    this.kernel = choiceField(words.kernel, ["3", "5", "7"].map((side) => [side, `${side} × ${side}`]), (kernel) => this.restart({ kernel }));
    this.learner = selectField(words.learner, ["momentum", "gradient_descent", "adam"].map((name) => [name, words[`learner_${name}`]]), (learner) => this.steer({ learner }));
    this.learningRate = rangeField(words.rate, -2, 1, 0.05, (power) => this.steer({ rate: Number((10 ** power).toPrecision(2)) }));
    this.learningRate.number.readOnly = true;
    this.noise = rangeField(words.noise, 0, 100, 5, (noise) => this.steer({ noise }));
    this.steepness = make("p", { class: "quiet" });
    this.learnerNote = make("p", { class: "quiet" });
    this.find(".controls").replaceChildren(group(words.group_wanted, true, this.target, this.kernel, make("p", { class: "quiet" }, words.target_note)),
      group(words.group_learning, true, this.learner, this.learnerNote, this.learningRate, this.noise, make("p", { class: "quiet" }, words.noise_note)), group(words.group_valley, true, this.steepness));
  }

  take(block) {
    const { arrays, problem: described, error } = block;
    this.exchange.waiting = false;
    this.find(".notice").classList.toggle("cs-hidden", !error);
    this.find(".stage").classList.toggle("stale", Boolean(error));
    if (error) { this.pause(); this.find(".notice").textContent = this.words[`error_${error.code}`] || this.words.error_image_size; this.syncControls(); return; }
    const problem = this.keep("problems", { ...described, ...arrays }, arrays.matrix);
    if (!problem) { this.exchange.askAgain(); return; }
    if (this.opened !== problem.id || this.settings.plan !== writePlan(this.learning.phases)) this.open(problem, block.alt);
    this.go(this.settings.step);
    this.ready += 1;
  }

  open(problem, alt) {
    this.opened = problem.id;
    const plain = Object.fromEntries(["matrix", "right", "noise_right", "target", "start"].map((name) => [name, problem[name].data]));
    this.learning = new Learning({ ...problem, ...plain }, readPlan(this.settings.plan));
    const [side] = problem.target.shape, limit = Math.max(...Array.from(plain.target, Math.abs)) || 1;
    for (const [name, grid] of Object.entries(this.grids)) grid.open(side, limit, this.words[`grid_${name}`]);
    this.grids.wanted.show(plain.target);
    this.maps.open(problem, alt);
    this.steepness.textContent = fill(this.words.steepness, { n: readableCount(Math.round(problem.steepness)) });
  }

  refresh() { if (this.learning) { this.maps.redraw(); this.curves.draw(); } }

  fail(sentences) { const box = this.find(".notice"); box.textContent = sentences[this.words.language]; box.classList.remove("cs-hidden"); }

  go(step) {
    if (!this.learning) return;
    this.at = this.learning.reach(Math.min(Math.max(step, 0), this.words.most_steps));
    this.settings.step = this.at;
    this.show();
    if (!this.frame) this.exchange.rest();
  }

  show() {
    const { learning, at, words } = this, phase = learning.phaseAt(Math.max(at, 0)), { weights, losses, errors, last } = learning;
    this.maps.show(weights[at], phase.noise / 100);
    this.curves.show(learning, at);                       // what asks for sizes comes before what changes the page
    this.grids.now.show(weights[at]);
    this.scrub.max = String(Math.max(last, 1)); this.scrub.value = String(at);
    setText(this.where, fill(words.step_of, { step: at }));
    this.buttons.back.disabled = at === 0; this.buttons.reset.disabled = at === 0;
    this.buttons.on.disabled = at === last && (learning.diverged || at >= words.most_steps);
    const first = learning.within, numbers = { step: at, loss: losses[at].toPrecision(3), error: plainNumber(errors[at], errors[at] < 0.001 ? 6 : 4) };
    const close = first !== null && at >= first ? fill(words.verdict_within, { first }) : learning.diverged && at === last ? words.verdict_diverged : "";
    this.find(".verdict").replaceChildren(make("b", {}, fill(words.verdict_step, numbers)), ` ${fill(words.verdict_numbers, numbers)} ${close}`);
    this.syncControls(phase);
    if (!this.frame) this.find(".heard").textContent = this.find(".verdict").textContent;
  }

  syncControls(phase = this.learning?.phaseAt(this.at)) {
    this.target.set(this.settings.target); this.kernel.set(this.settings.kernel);
    if (!phase) return;
    this.learner.set(phase.learner); this.noise.set(phase.noise);
    this.learningRate.set(Math.log10(phase.rate));
    this.learningRate.number.value = plainNumber(phase.rate, 3);
    setText(this.learnerNote, this.words[`note_${phase.learner}`]);
  }

  steer(values) {                                         // from the step that is shown on
    if (!this.learning) return;
    this.learning.steer(this.at, values, this.words.most_phases);
    this.settings.plan = writePlan(this.learning.phases);
    this.show();
    this.exchange.rest();
  }

  restart(values) {                                       // another problem: the server makes it
    this.pause();
    const phase = this.learning ? { ...this.learning.phaseAt(this.at), start: 0 } : readPlan(this.settings.plan)[0];
    Object.assign(this.settings, values, { plan: writePlan([phase]), step: 0 });
    this.syncControls(phase);
    this.exchange.ask();
  }

  fresh() { this.restart({ seed: (this.settings.seed + 1) % 10000 }); }

  toggle() { if (this.frame) this.pause(); else this.play(); }

  play() {
    if (!this.learning || (this.at === this.learning.last && this.learning.diverged)) return;
    if (this.at >= this.words.most_steps) this.go(0);
    this.buttons.play.textContent = this.words.pause;
    let before = performance.now(), owed = 0;
    const tick = (now) => {
      owed += Math.min(now - before, 250) / 1000 * SPEEDS[this.speed]; before = now;
      const steps = Math.floor(owed + 0.1);
      this.frame = requestAnimationFrame(tick);
      if (steps > 0) { owed -= steps; const was = this.at; this.go(this.at + steps); if (this.at === was || this.at >= this.words.most_steps) this.pause(); }
    };
    this.frame = requestAnimationFrame(tick);
  }

  pause() {
    if (!this.frame) return;
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    this.buttons.play.textContent = this.words.play;
    this.exchange.rest();
    this.find(".heard").textContent = this.find(".verdict").textContent;
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== this.find(".stage")) return;
    const far = event.shiftKey ? 10 : 1;
    const action = { " ": () => this.toggle(), ArrowRight: () => { this.pause(); this.go(this.at + far); }, ArrowLeft: () => { this.pause(); this.go(this.at - far); }, Home: () => { this.pause(); this.go(0); }, n: () => this.fresh() }[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }

  close() { this.pause(); super.close(); this.maps?.close(); this.curves?.close(); }
}

export default mounted(LearnedFilters, ".learned-filters");
