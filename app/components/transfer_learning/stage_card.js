// One stage of transfer learning: what learns, how far it is, its curves, its buttons.
import { fill, make } from "../shared/dom.js";
import { readableCount } from "../shared/numbers.js";
import { drawCurve, epochUnder, niceHigh } from "./curve.js";

export const percent = (share) => `${(100 * share).toFixed(0)} %`;

export class StageCard {
  constructor(id, act) {
    this.id = id; this.at = null;
    this.title = make("h2"); this.what = make("p", { class: "what" });
    this.number = make("b"); this.beside = make("span");
    this.fillBar = make("i"); this.bar = make("div", { class: "bar" }, this.fillBar);
    this.status = make("p", { class: "status" });
    this.buttons = Object.fromEntries(["start", "pause", "resume", "step", "stop"].map((name) => [name,
      make("button", { class: name === "start" ? "cs-button cs-main" : "cs-button", type: "button", "data-act": name, onclick: () => act(id, name) })]));
    this.accuracy = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    this.loss = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    for (const svg of [this.accuracy, this.loss]) {
      svg.setAttribute("class", "curve");
      svg.addEventListener("pointermove", (event) => { this.at = epochUnder(svg, event, this.stage.epochs || 1); this.draw(); });
      svg.addEventListener("pointerleave", () => { this.at = null; this.draw(); });
    }
    this.element = make("section", { class: "stage", style: `--tone: var(--${id})`, "data-stage": id },
      this.title, this.what, make("div", { class: "score" }, this.number, this.beside), this.accuracy, this.loss, this.bar, this.status,
      make("div", { class: "buttons" }, Object.values(this.buttons)));
  }

  update(stage, all, words) {
    this.stage = stage; this.all = all; this.words = words;
    const running = ["queued", "running", "paused"].includes(stage.state);
    this.title.textContent = words[`stage_${stage.id}`];
    this.what.textContent = stage.trainable ? fill(words.learns, { n: readableCount(stage.trainable), of: readableCount(stage.parameters) }) : words[`what_${stage.id}`];
    this.element.dataset.on = String(running);
    const drawn = all.some((other) => other.state !== "none");
    for (const part of [this.accuracy, this.loss, this.bar]) part.classList.toggle("cs-hidden", !drawn);
    const shown = { start: !running, pause: stage.state === "running", resume: stage.state === "paused", step: stage.state === "paused", stop: running };
    for (const [name, button] of Object.entries(this.buttons)) {
      button.textContent = name === "start" ? words[stage.ready ? "again" : `start_${stage.id}`] : words[name];
      button.classList.toggle("cs-hidden", !shown[name]);
    }
    this.buttons.start.disabled = !stage.can_start;
    this.fillBar.style.width = `${100 * this.progress()}%`;
    this.status.textContent = this.statusText();
    this.status.classList.toggle("bad", Boolean(stage.error));
    this.draw();
  }

  progress() {
    const { stage } = this;
    if (stage.state === "none") return 0;
    return stage.step ? stage.step / stage.steps : stage.id === "head" ? (stage.share || 0) * 0.999 : 0;
  }

  statusText() {
    const { stage, words } = this;
    if (stage.error) return stage.error;
    if (stage.state === "none") return stage.id === "fine" && !stage.can_start ? words.needs_head : "";
    if (stage.state === "queued") return stage.wait === null ? fill(words.queued_unknown, stage) : fill(words.queued, { position: stage.position, seconds: stage.wait });
    if (stage.state === "cancelled") return words.cancelled;
    if (!stage.step && stage.id === "head" && stage.share !== undefined) return fill(words.features, { percent: Math.round(100 * stage.share) });
    if (!stage.step) return words.starting;
    const parts = [fill(words.batch, { step: stage.step, steps: stage.steps })];
    if (stage.state === "paused") parts.push(words.paused);
    if (stage.batch_loss !== null) parts.push(fill(words.batch_loss, { loss: stage.batch_loss.toFixed(3) }));
    parts.push(stage.state === "running" && stage.eta !== null ? fill(words.to_go, { seconds: stage.eta }) : fill(words.took, { seconds: stage.seconds.toFixed(1) }));
    return parts.join(" · ");
  }

  draw() {
    const { stage, words } = this;
    const history = stage.history;
    const row = history.find((entry) => entry[0] === this.at) || history[history.length - 1];
    this.number.textContent = row ? percent(row[4]) : "–";
    this.beside.textContent = row ? fill(words.score, { epoch: row[0], loss: row[3].toFixed(2) }) : words.not_yet;
    const epochs = stage.epochs || 1;
    const head = this.all.find((other) => other.id === "head").history;
    const common = { history, epochs, at: this.at };
    drawCurve(this.accuracy, { ...common, columns: { train: 2, held: 4 }, high: 1, height: 158, ticks: [0, 0.25, 0.5, 0.75, 1], format: percent,
      chance: this.all.chance, other: stage.id !== "head" && head.length > 1 ? head[head.length - 1][4] : null, label: words.accuracy_axis });
    const high = niceHigh(this.all.flatMap((other) => other.history.flatMap((entry) => [entry[1], entry[3]])));
    drawCurve(this.loss, { ...common, columns: { train: 1, held: 3 }, high, height: 96, ticks: [0, high / 2, high],
      format: (value) => value.toFixed(high < 1 ? 2 : 1), label: words.loss_axis });
  }
}
