// The IoU of two boxes as a fraction of areas, and the table of a round: who meets the kept box, who goes.
import { classColour } from "../shared/class_colours.js";
import { fill, make } from "../shared/dom.js";
import { readableCount } from "../shared/numbers.js";
import { overlapOf } from "../shared/overlap.js";

const MOST_ROWS = 7;

function area(value) { return readableCount(Math.abs(value) < 100 ? Number(value.toFixed(2)) : Math.round(value)); }

export class PairPanel {
  constructor(root, words) {
    this.words = words; this.text = "";
    this.head = make("h3", {}, words.pair_title);
    this.who = make("p", { class: "quiet" });
    this.shared = make("span", { class: "shared" }); this.union = make("span");
    this.value = make("output");
    this.ratio = make("div", { class: "ratio" }, make("span", {}, "IoU ="), make("span", { class: "fraction" }, this.shared, this.union), make("span", {}, "="), this.value);
    this.fill = make("i"); this.mark = make("u");
    this.bar = make("div", { class: "bar" }, this.fill, this.mark);
    this.verdict = make("p", { class: "quiet" });
    root.replaceChildren(this.head, this.who, this.ratio, this.bar, this.verdict);
  }

  show(pair, scene, categories, threshold) {
    const { words } = this;
    this.ratio.classList.toggle("cs-hidden", !pair); this.bar.classList.toggle("cs-hidden", !pair);
    if (!pair) { this.who.textContent = words.pair_none; this.verdict.textContent = ""; this.text = ""; return; }
    const [a, b] = pair, found = overlapOf(scene.box(a), scene.box(b));
    const name = (i) => `${categories[scene.labels[i]]} ${scene.scores[i].toFixed(2)}`;
    this.who.textContent = fill(words.pair_who, { a: name(a), b: name(b) });
    this.shared.textContent = area(found.shared); this.union.textContent = `${area(found.areaA)} + ${area(found.areaB)} − ${area(found.shared)}`;
    this.value.textContent = found.iou.toFixed(3);
    this.fill.style.width = `${found.iou * 100}%`; this.mark.style.left = `${threshold * 100}%`;
    this.verdict.textContent = words[found.iou >= 0.5 ? "pair_right" : "pair_wrong"];
    this.text = `IoU ${this.value.textContent}`;
  }
}

export class RoundTable {
  constructor(root, words, point) { this.root = root; this.words = words; this.point = point; }

  show(scene, step, categories, pointed) {
    const { words } = this, round = scene.roundAt(step), rows = round ? scene.met(step) : [];
    const title = make("h3", {}, round ? fill(words.table_title, { n: step - 1, name: categories[scene.labels[round.kept]] }) : words.table_none_title);
    if (!round) { this.root.replaceChildren(title, make("p", { class: "quiet" }, words.table_none)); return; }
    if (!rows.length) { this.root.replaceChildren(title, make("p", { class: "quiet" }, words.table_alone)); return; }
    const gone = new Set(round.suppressed), soft = scene.soft && new Map(scene.soft.rounds[step - 2]?.kept === round.kept ? scene.soft.rounds[step - 2].lowered.map((i, at) => [i, scene.soft.rounds[step - 2].after[at]]) : []);
    const head = make("tr", {}, ...[words.column_box, "p_c", "IoU", words.column_fate, ...(soft ? [words.column_soft] : [])].map((text) => make("th", { scope: "col" }, text)));
    const body = rows.slice(0, MOST_ROWS).map(([i, ratio]) => make("tr", { class: i === pointed ? "at" : null, onpointerenter: () => this.point(i), onpointerleave: () => this.point(-1) },
      make("td", {}, make("span", { class: "swatch", style: `background:${classColour(scene.labels[i])}` }), categories[scene.labels[i]]), make("td", {}, scene.scores[i].toFixed(3)), make("td", {}, ratio.toFixed(3)),
      make("td", { class: gone.has(i) ? "goes" : "stays" }, words[gone.has(i) ? "fate_goes" : "fate_stays"]), ...(soft ? [make("td", {}, soft.has(i) ? soft.get(i).toFixed(3) : "–")] : [])));
    const more = rows.length > MOST_ROWS ? make("p", { class: "quiet" }, fill(words.table_more, { n: rows.length - MOST_ROWS })) : null;
    const fresh = [title, make("table", {}, make("thead", {}, head), make("tbody", {}, body)), ...(more ? [more] : [])];
    const key = `${step}:${rows.map(([i]) => i).join()}:${gone.size}:${Boolean(soft)}:${scene.settings.sigma}:${scene.settings.soft}`;
    if (this.key === key && this.scene === scene && this.root.querySelector("tbody")) {   // only the mark moves: rows stay under the pointer
      this.root.querySelectorAll("tbody tr").forEach((row, at) => row.classList.toggle("at", rows[at][0] === pointed));
      return;
    }
    this.key = key; this.scene = scene;
    this.root.replaceChildren(...fresh);
  }
}
