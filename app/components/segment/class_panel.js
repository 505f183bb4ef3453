// The legend that measures: each class with its colour, its area, and its score at the pixel pointed at.
import { make, fill } from "../shared/dom.js";
import { group, rangeField } from "../shared/fields.js";
import { readableCount } from "../shared/numbers.js";
import { countedLabels } from "./label_runs.js";

export class ClassPanel {
  constructor(root, words, change, toggle) {
    Object.assign(this, { words, change, toggle });
    this.opacity = rangeField(words.opacity, 0, 100, 1, (opacity) => change({ opacity }), "%");
    this.facts = make("p", { class: "facts" });
    this.body = make("tbody");
    const head = [["", ""], [words.column_class, ""], [words.column_area, words.column_area_hint], [words.column_here, words.column_here_hint]];
    this.table = make("table", { class: "classes" }, make("thead", {}, make("tr", {}, head.map(([text, hint]) => make("th", { title: hint || null }, text)))), this.body);
    root.replaceChildren(group(words.group_view, true, this.opacity), group(words.group_classes, true, this.table, make("p", { class: "facts" }, words.classes_hint)), this.facts);
    this.rows = [];
  }

  build(network) {
    const { words } = this;
    this.network = network;
    this.rows = network.classes.map((name, label) => {
      const box = make("input", { type: "checkbox", checked: true, "aria-label": fill(words.show_class, { name }), onchange: () => this.toggle(label, box.checked) });
      box.checked = true;
      const area = make("td", { class: "area" }), score = make("span", { class: "score" }), bar = make("i", { class: "score-bar" });
      const row = make("tr", { "data-class": label }, make("td", {}, box),
        make("td", {}, make("button", { class: "class-name", type: "button", title: words.map_hint, onclick: () => this.change({ view: "map", cls: label }) },
          make("i", { class: "swatch", style: `background: rgb(${network.colours[label].join(" ")})` }), name)),
        area, make("td", { class: "here" }, bar, score));
      return { row, box, area, score, bar };
    });
    this.body.replaceChildren(...this.rows.map(({ row }) => row));
  }

  sync(settings, network, hidden) {
    this.opacity.set(settings.opacity);
    this.rows.forEach(({ row, box }, label) => {
      box.checked = !hidden[label];
      row.classList.toggle("chosen", settings.view === "map" && settings.cls === label);
    });
  }

  showAreas(labels) {
    const counts = countedLabels(labels, this.rows.length), all = labels.data.length;
    this.counts = counts; this.all = all;
    this.rows.forEach(({ row, area }, label) => {
      area.textContent = counts[label] ? `${(100 * counts[label] / all).toFixed(1)} %` : "–";
      row.classList.toggle("absent", !counts[label]);
    });
  }

  showScores(scores) {                                    // null: nothing is pointed at
    const best = scores ? scores.indexOf(Math.max(...scores)) : -1;
    this.rows.forEach(({ score, bar, row }, label) => {
      score.textContent = scores ? `${(100 * scores[label]).toFixed(1)} %` : "";
      bar.style.width = scores ? `${100 * scores[label]}%` : "0";
      row.classList.toggle("best", label === best);
    });
  }

  showFacts(network, result) {
    const ms = (name) => Math.round(1000 * (result.seconds?.[name] || 0));
    const read = result.input_size ? fill(this.words.reads, { w: result.input_size[1], h: result.input_size[0] }) : "";
    this.facts.textContent = [fill(this.words.facts, { parameters: readableCount(network.parameters), classes: network.classes.length }), read,
      fill(this.words.times, { before: ms("preprocess"), network: ms("network"), after: ms("postprocess") }),
      result.runtime ? fill(this.words.runtime, { runtime: result.runtime }) : ""].filter(Boolean).join(" · ");
  }

  sentence() {
    const order = [...this.counts.keys()].filter((i) => this.counts[i]).sort((a, b) => this.counts[b] - this.counts[a]).slice(0, 4);
    return order.map((i) => `${this.network.classes[i]} ${Math.round(100 * this.counts[i] / this.all)} %`).join(", ");
  }
}
