// Play, step and scrub along numbered positions 0 … count − 1; time stands still unless a person presses play.
import { make } from "./dom.js";

export class StepPlayer {
  // words: {play, pause, step_back, step_on, scrub}; change(position); describe(position, count) → text
  constructor(words, change, describe, perSecond = () => 2.5) {
    Object.assign(this, { words, change, describe, perSecond, count: 1, at: 0, timer: 0 });
    this.button = make("button", { class: "cs-button cs-main", onclick: () => this.toggle() }, words.play);
    this.back = make("button", { class: "cs-button", "aria-label": words.step_back, title: words.step_back, onclick: () => this.step(-1) }, "‹");
    this.on = make("button", { class: "cs-button", "aria-label": words.step_on, title: words.step_on, onclick: () => this.step(1) }, "›");
    this.slider = make("input", { type: "range", min: 0, max: 0, step: 1, "aria-label": words.scrub, oninput: () => { this.stop(); this.go(Number(this.slider.value)); } });
    this.place = make("span", { class: "place" });
    this.element = make("div", { class: "player" }, this.button, this.back, this.slider, this.on, this.place);
  }

  set(at, count) {
    this.count = Math.max(count, 1); this.at = Math.min(Math.max(at, 0), this.count - 1);
    this.slider.max = String(this.count - 1); this.slider.value = String(this.at);
    this.slider.setAttribute("aria-valuetext", this.describe(this.at, this.count));
    this.place.textContent = this.describe(this.at, this.count);
    this.back.disabled = this.at === 0; this.on.disabled = this.at === this.count - 1;
  }

  get playing() { return this.timer !== 0; }

  go(at) { this.set(at, this.count); this.change(this.at); }

  step(by) { this.stop(); this.go(this.at + by); }

  toggle() {
    if (this.playing) { this.stop(); return; }
    if (this.at === this.count - 1) this.go(0);
    this.button.textContent = this.words.pause;
    this.tick();
  }

  tick() {
    this.timer = setTimeout(() => {
      if (this.at < this.count - 1) this.go(this.at + 1);
      if (this.at < this.count - 1) this.tick(); else this.stop();
    }, 1000 / this.perSecond(this.count));
  }

  stop() {
    clearTimeout(this.timer);
    this.timer = 0;
    this.button.textContent = this.words.play;
  }
}
