// The picture that is being optimised, how its activation rises, and the buttons that make it.
import { fill, make } from "../shared/dom.js";
import { plainNumber } from "../shared/numbers.js";
import { Plane } from "../shared/plane.js";
import { Viewport } from "../shared/viewport.js";

const SPACE = "http://www.w3.org/2000/svg";
const WIDE = 460, TALL = 118, LEFT = 44, BOTTOM = 20, TOP = 8;

function node(tag, attributes, text) {
  const element = document.createElementNS(SPACE, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

export class Optimised {
  constructor(root, act) {
    this.act = act; this.at = null;
    this.viewport = new Viewport(() => this.plane.draw());
    this.plane = new Plane(this.viewport, { takesWheel: () => false, hover: () => {}, leave: () => {}, press: () => {} });
    this.title = make("h3"); this.number = make("b"); this.beside = make("span", { class: "quiet" });
    this.warning = make("p", { class: "notice cs-hidden" });
    this.empty = make("div", { class: "empty" });
    this.plane.frame.append(this.empty);
    this.bar = make("i"); this.status = make("span", { class: "quiet status" });
    this.buttons = make("div", { class: "buttons" });
    this.chart = document.createElementNS(SPACE, "svg");
    this.chart.setAttribute("class", "rise"); this.chart.setAttribute("viewBox", `0 0 ${WIDE} ${TALL}`); this.chart.setAttribute("role", "img");
    this.chart.addEventListener("pointermove", (event) => this.pointAt(event));
    this.chart.addEventListener("pointerleave", () => { this.at = null; this.tell(); });
    root.replaceChildren(this.title, this.plane.frame, make("div", { class: "bar" }, this.bar), make("div", { class: "score" }, this.number, this.beside), this.warning, this.buttons, this.chart);
    this.observer = new ResizeObserver(() => this.layout());
    this.observer.observe(root);
  }

  show(state) {                                          // state: {picture, image, job, words, shape, best, mean, title}
    this.state = state;
    const { words, picture, job, image } = state;
    const running = ["queued", "running", "paused"].includes(job.state);
    this.title.textContent = words.optimised_title;
    const [channels, height, width] = state.shape;
    this.viewport.fitTo(0, 0, width, height);
    this.empty.classList.toggle("cs-hidden", Boolean(image));
    this.empty.replaceChildren(make("p", {}, running ? words.starting : words.empty), running || image ? "" : make("button", { class: "cs-button cs-main", type: "button", "data-act": "start", onclick: () => this.act("start") }, words.start));
    this.plane.setContent({ rows: height, columns: width, affine: { x: 0, y: 0, width: 1, height: 1 }, paint: (out) => {
      if (!image) { out.fill(0); return; }
      const count = height * width, { data } = image, g = channels === 3 ? count : 0;
      for (let i = 0; i < count; i++) out[i] = (255 << 24 | data[i + 2 * g] << 16 | data[i + g] << 8 | data[i]) >>> 0;
    } });
    this.plane.over.setAttribute("role", "img");
    this.plane.over.setAttribute("aria-label", `${words.optimised_title}: ${state.title}`);
    this.bar.style.width = `${picture ? 100 * picture.step / picture.steps : 0}%`;
    this.warning.classList.toggle("cs-hidden", !(picture?.warning || job.error));
    this.warning.textContent = job.error || (picture?.warning ? words[`warning_${picture.warning}`] : "");
    this.showButtons(running);
    this.drawChart();
    this.tell();
    this.layout();
  }

  showButtons(running) {
    const { words, job, picture, image } = this.state;
    const button = (action, main) => make("button", { class: main ? "cs-button cs-main" : "cs-button", type: "button", "data-act": action, onclick: () => this.act(action) }, words[action === "start" && image ? "again" : action]);
    const shown = !running ? (image ? [["start", true]] : []) : job.state === "paused" ? [["resume", true], ["step", false], ["stop", false]] : [["pause", false], ["stop", false]];
    const signature = JSON.stringify([shown, words.start, Boolean(image)]);
    if (signature !== this.signature) { this.signature = signature; this.buttons.replaceChildren(...shown.map(([action, main]) => button(action, main)), this.status); }
    this.status.textContent = job.state === "queued" ? fill(words.queued, { position: job.position })
      : running && picture ? fill(job.state === "paused" ? words.paused_at : words.step_of, { step: picture.step, steps: picture.steps }) + (job.state === "running" && job.eta ? fill(words.to_go, { seconds: job.eta }) : "") : "";
  }

  get high() { const { picture, best } = this.state; return Math.max(best || 0, ...picture.history.map(([, value]) => value), 1e-6); }
  get low() { return Math.min(0, ...this.state.picture.history.map(([, value]) => value)); }
  x(step) { return LEFT + step / this.state.picture.steps * (WIDE - LEFT - 6); }
  y(value) { return TOP + (this.high - value) / (this.high - this.low) * (TALL - TOP - BOTTOM); }

  drawChart() {
    const { picture, best, words } = this.state;
    this.chart.classList.toggle("cs-hidden", !picture);
    if (!picture) return;
    this.chart.setAttribute("aria-label", words.rise_label);
    const line = picture.history.map(([step, value], i) => `${i ? "L" : "M"}${this.x(step).toFixed(1)} ${this.y(value).toFixed(1)}`).join("");
    const rule = (value, kind, text) => [node("line", { class: kind, x1: LEFT, x2: WIDE - 6, y1: this.y(value), y2: this.y(value) }), node("text", { x: LEFT - 5, y: this.y(value) + 4, "text-anchor": "end" }, text)];
    this.chart.replaceChildren(...rule(this.low, "rule", plainNumber(this.low, 1)), ...rule(this.high, "rule", plainNumber(this.high, 1)),
      ...(best !== null ? [node("line", { class: "best", x1: LEFT, x2: WIDE - 6, y1: this.y(best), y2: this.y(best) }), node("text", { class: "best-name", x: WIDE - 8, y: this.y(best) - 4 < 10 ? this.y(best) + 12 : this.y(best) - 4, "text-anchor": "end" }, words.best_in_set)] : []),
      node("path", { class: "line", d: line }), node("text", { x: LEFT, y: TALL - 4 }, "0"), node("text", { x: WIDE - 6, y: TALL - 4, "text-anchor": "end" }, fill(words.steps_axis, { steps: picture.steps })),
      this.dot = node("circle", { class: "dot", r: 4 }));
    this.tell();
  }

  pointAt(event) {
    const box = this.chart.getBoundingClientRect(), at = ((event.clientX - box.left) / box.width * WIDE - LEFT) / (WIDE - LEFT - 6) * this.state.picture.steps;
    this.at = this.state.picture.history.reduce((near, entry) => (Math.abs(entry[0] - at) < Math.abs(near[0] - at) ? entry : near));
    this.tell();
  }

  tell() {
    const { picture, words } = this.state || {};
    if (!picture) { this.number.textContent = ""; this.beside.textContent = ""; return; }
    const [step, value] = this.at || picture.history[picture.history.length - 1];
    this.number.textContent = plainNumber(value, 3);
    const sure = picture.probability !== null && !this.at ? fill(words.probability, { share: (100 * picture.probability).toFixed(picture.probability > 0.999 ? 3 : 1) }) : "";
    this.beside.textContent = fill(words[this.state.mean ? "mean_at" : "activation_at"], { step, from: plainNumber(picture.history[0][1], 3) }) + sure;
    this.dot?.setAttribute("cx", this.x(step)); this.dot?.setAttribute("cy", this.y(value));
  }

  layout() {
    const width = this.plane.frame.clientWidth;
    if (!width || !this.state) return;
    const [, rows, columns] = this.state.shape;
    this.plane.resize(width, Math.round(Math.min(width * rows / columns, Math.max(window.innerHeight * 0.58, 280))));
    this.plane.draw();
  }
}
