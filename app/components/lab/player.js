// Steps through the output cells in reading order: step, play both ways, scrub, 1–60 positions a second.
import { make, fill } from "../shared/dom.js";
import { readableCount } from "../shared/numbers.js";

export class Player {
  // hooks: size() → [rows, columns], place() → [row, column], go(row, column), zoom(factor; 0: whole)
  constructor(root, hooks) {
    this.hooks = hooks; this.direction = 0; this.speed = 12; this.ticks = { shown: 0, late: 0 };
    const button = (name, action) => { const made = make("button", { class: "cs-button icon", type: "button", onclick: action, "data-do": name }); made.append(icon(name)); return made; };
    this.buttons = {
      play_back: button("play_back", () => this.toggle(-1)), step_back: button("step_back", () => this.step(-1)),
      step: button("step", () => this.step(1)), play: button("play", () => this.toggle(1)),
    };
    this.zooms = { zoom_out: button("zoom_out", () => hooks.zoom(1 / 1.6)), zoom_in: button("zoom_in", () => hooks.zoom(1.6)), zoom_fit: button("zoom_fit", () => hooks.zoom(0)) };
    this.scrub = make("input", { type: "range", min: "0", value: "0", class: "scrub", oninput: () => this.jump(Number(this.scrub.value)) });
    this.rate = make("input", { type: "range", min: "1", max: "60", value: String(this.speed), class: "rate", oninput: () => { this.speed = Number(this.rate.value); this.words && this.label(this.words); } });
    this.rateText = make("output", {});
    this.where = make("output", { class: "where" });
    root.append(...Object.values(this.buttons), this.scrub, this.where, make("label", { class: "rate-box" }, this.rate, this.rateText),
      make("span", { class: "zooms" }, ...Object.values(this.zooms)));
  }

  label(words) {
    this.words = words;
    for (const [name, button] of Object.entries(this.buttons)) {
      const key = this.direction === (name === "play" ? 1 : -1) && name.startsWith("play") ? "pause" : name;
      button.title = words[key]; button.setAttribute("aria-label", words[key]);
    }
    for (const [name, button] of Object.entries(this.zooms)) { button.title = words[name]; button.setAttribute("aria-label", words[name]); }
    this.scrub.setAttribute("aria-label", words.scrub);
    this.rate.setAttribute("aria-label", words.speed);
    this.rateText.textContent = fill(words.per_second, { n: this.speed });
  }

  get count() { const [rows, columns] = this.hooks.size(); return rows * columns; }

  show(row, column) {
    const [rows, columns] = this.hooks.size(), last = rows * columns - 1, place = row * columns + column;
    if (this.scrub.max !== String(last)) this.scrub.max = String(last);
    this.scrub.value = String(place);
    this.where.textContent = `${readableCount(place + 1)} / ${readableCount(last + 1)}`;
  }

  jump(place) { const columns = this.hooks.size()[1]; this.hooks.go(Math.floor(place / columns), place % columns); }

  step(by) {
    const [row, column] = this.hooks.place(), columns = this.hooks.size()[1], { count } = this;
    this.jump((row * columns + column + by + count) % count);
  }

  toggle(direction) { if (this.direction === direction) this.pause(); else this.play(direction); }

  play(direction) {
    this.pause();
    this.direction = direction;
    this.redrawButtons();
    let last = performance.now(), owed = 0;
    const tick = (now) => {
      if (!this.direction) return;
      owed += (now - last) / 1000 * this.speed;
      this.ticks.shown += 1;
      if (now - last > 25) this.ticks.late += Math.round((now - last) / 16.67) - 1;
      last = now;
      const steps = Math.floor(owed + 0.1);
      if (steps > 0) { owed -= steps; this.step(direction * Math.min(steps, this.count)); }
      this.frame = requestAnimationFrame(tick);
    };
    this.frame = requestAnimationFrame(tick);
  }

  pause() {
    cancelAnimationFrame(this.frame);
    this.direction = 0;
    this.redrawButtons();
  }

  redrawButtons() {
    for (const [name, direction] of [["play", 1], ["play_back", -1]]) {
      const playing = this.direction === direction;
      this.buttons[name].replaceChildren(icon(playing ? "pause" : name));
      this.buttons[name].setAttribute("aria-pressed", String(playing));
    }
    if (this.words) this.label(this.words);
  }
}

const SHAPES = { play: "M5 3l9 6-9 6z", play_back: "M13 3L4 9l9 6z", step: "M4 3l7 6-7 6zM12 3h2.4v12H12z", step_back: "M14 3L7 9l7 6zM3.6 3H6v12H3.6z",
  zoom_out: "M3 8h12v2H3z", zoom_in: "M8 3h2v5h5v2h-5v5H8v-5H3V8h5z", zoom_fit: "M3 3h5v2H5v3H3zM10 3h5v5h-2V5h-3zM3 10h2v3h3v2H3zM13 10h2v5h-5v-2h3z",
  pause: "M4 3h3.4v12H4zM10.6 3H14v12h-3.4z" };

export function icon(name) {
  const space = "http://www.w3.org/2000/svg", svg = document.createElementNS(space, "svg"), path = document.createElementNS(space, "path");
  svg.setAttribute("viewBox", "0 0 18 18"); svg.setAttribute("width", "16"); svg.setAttribute("height", "16"); svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", SHAPES[name]); path.setAttribute("fill", "currentColor");
  svg.append(path);
  return svg;
}
