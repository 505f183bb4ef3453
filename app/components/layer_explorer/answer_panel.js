// The prediction: the likeliest classes as bars that move when the network is edited, with their logits and where they stood.
import { fill, make } from "../shared/dom.js";
import { plainNumber } from "../shared/numbers.js";

const LABEL_COLOURS = Array.from({ length: 24 }, (_, i) => `hsl(${(i * 137.5) % 360} 62% ${i % 2 ? 48 : 60}%)`);

export class AnswerPanel {
  constructor(root, screen) {
    this.screen = screen;
    this.title = make("h3"); this.rows = make("div", { class: "answer-rows" }); this.note = make("p", { class: "hint" });
    this.sheet = make("canvas", { class: "labels cs-hidden", role: "img" });
    root.replaceChildren(this.title, this.rows, this.sheet, this.note);
    this.lines = new Map();
  }

  nameOf(row) { return row.name || fill(this.screen.words.class_number, { n: row.index }); }

  show() {
    const { answer, words, values } = this.screen;
    if (!answer) return;
    this.title.textContent = words[answer.spatial ? "answer_pixels" : "answer"];
    const chosen = values.target < 0 ? answer.first : values.target, kept = new Map();
    for (const row of answer.rows) {
      const line = this.lines.get(row.index) || this.newLine(row.index);
      kept.set(row.index, line);
      line.name.textContent = this.nameOf(row); line.name.title = this.nameOf(row);
      line.bar.style.width = `${100 * row.p}%`;
      line.tick.style.left = `${100 * row.before}%`;
      line.tick.classList.toggle("cs-hidden", !answer.edited);
      line.share.textContent = `${(100 * row.p).toFixed(1)} %`;
      line.logit.textContent = plainNumber(Number(row.logit.toFixed(2)), 2);
      line.element.setAttribute("aria-pressed", String(row.index === chosen));
      line.element.title = fill(words.answer_hint, { p: (100 * row.before).toFixed(2), logit: row.logit_before.toFixed(3) });
    }
    this.lines = kept;
    const elements = [...kept.values()].map((line) => line.element);
    if (elements.some((element, i) => this.rows.children[i] !== element) || elements.length !== this.rows.childElementCount) this.rows.replaceChildren(...elements);
    const first = answer.rows.find((row) => row.index === chosen);
    this.note.textContent = answer.spatial || !first ? "" : fill(words.softmax_line, { logit: first.logit.toFixed(3), largest: answer.largest.toFixed(3), total: answer.total.toFixed(4), p: first.p.toFixed(4) });
    this.drawLabels(answer);
  }

  newLine(index) {
    const line = { bar: make("i", { class: "share-bar" }), tick: make("i", { class: "tick" }), name: make("span", { class: "name" }), share: make("span", { class: "share" }), logit: make("span", { class: "logit" }) };
    line.element = make("button", { type: "button", class: "answer-row", "data-class": String(index), onclick: () => this.screen.change({ target: index }) }, make("span", { class: "track" }, line.bar, line.tick), line.name, line.share, line.logit);
    return line;
  }

  drawLabels(answer) {
    this.sheet.classList.toggle("cs-hidden", !answer.labels);
    if (!answer.labels) return;
    const [height, width] = answer.labels.shape, pen = this.sheet.getContext("2d"), probe = document.createElement("canvas").getContext("2d");
    this.sheet.width = width; this.sheet.height = height; this.sheet.setAttribute("aria-label", this.screen.words.answer_pixels);
    const colours = LABEL_COLOURS.map((colour) => { probe.fillStyle = colour; probe.fillRect(0, 0, 1, 1); return probe.getImageData(0, 0, 1, 1).data; });
    const image = pen.createImageData(width, height);
    answer.labels.data.forEach((label, i) => image.data.set(colours[label % colours.length], 4 * i));
    pen.putImageData(image, 0, 0);
    for (const [index, line] of this.lines) line.bar.style.background = LABEL_COLOURS[index % LABEL_COLOURS.length];
  }
}
