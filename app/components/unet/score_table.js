// IoU and Dice of every class, as a table, and as a file of comma-separated values.
import { make, fill } from "../shared/dom.js";

export class ScoreTable {
  constructor(words) {
    this.words = words;
    this.summary = make("p", { class: "summary" });
    this.body = make("tbody");
    const head = ["class", "iou", "dice", "both", "only_result", "only_mask"].map((name) => make("th", { title: words[`column_${name}_hint`] || null }, words[`column_${name}`]));
    this.table = make("table", {}, make("thead", {}, make("tr", {}, head)), this.body);
    this.element = make("div", { class: "scores" }, this.summary, this.table);
  }

  show(scores, network, all) {                            // scores: null without a mask
    const { words } = this;
    this.scores = scores; this.network = network;
    this.table.classList.toggle("cs-hidden", !scores);
    this.element.classList.toggle("empty", !scores);
    if (!scores) { this.summary.textContent = words.no_mask; return; }
    const three = (value) => (Number.isFinite(value) ? value.toFixed(3) : "–");
    this.summary.replaceChildren(make("b", { class: "mean-iou" }, `mIoU ${three(scores.meanIou)}`), make("b", { class: "mean-dice" }, `Dice ${three(scores.meanDice)}`),
      make("span", {}, fill(words.right, { right: `${(100 * scores.accuracy).toFixed(1)} %`, pixels: scores.pixels.toLocaleString("en-US"), share: `${(100 * scores.pixels / all).toFixed(1)} %` })));
    this.body.replaceChildren(...scores.classes.map((one) => make("tr", {},
      make("td", {}, make("i", { class: "swatch", style: `background: rgb(${network.colours[one.label].join(" ")})` }), network.classes[one.label]),
      ...[three(one.iou), three(one.dice), ...[one.both, one.predictedOnly, one.maskOnly].map((n) => n.toLocaleString("en-US"))].map((text) => make("td", {}, text)))));
  }

  csv() {
    const lines = ["class,iou,dice,both,only_result,only_mask"];
    for (const one of this.scores.classes) lines.push([this.network.classes[one.label], one.iou, one.dice, one.both, one.predictedOnly, one.maskOnly].join());
    lines.push(`mean,${this.scores.meanIou},${this.scores.meanDice},,,`);
    return `${lines.join("\n")}\n`;
  }
}

