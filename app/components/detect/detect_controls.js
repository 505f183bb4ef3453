// The narrow column: thresholds, classes, what is drawn; and where the milliseconds went.
import { fill, make } from "../shared/dom.js";
import { flagField, group, rangeField } from "../shared/fields.js";
import { readableCount, setText } from "../shared/numbers.js";

const STAGES = ["decode", "preprocess", "network", "postprocess", "draw"];

export class DetectControls {
  constructor(root, words, change) {
    this.words = words; this.change = change;
    this.score = rangeField(words.score, 0.05, 0.95, 0.01, (score) => change({ score }));
    this.iou = rangeField(words.iou, 0.05, 0.95, 0.01, (iou) => change({ iou }));
    this.score.element.title = words.score_hint; this.iou.element.title = words.iou_hint;
    this.funnel = make("p", { class: "funnel", role: "status" });
    this.classes = make("div", { class: "classes" });
    this.all = make("button", { class: "cs-button small", type: "button", onclick: () => change({ hide: [] }) }, words.all_classes);
    this.tags = flagField(words.tags, (tags) => change({ tags }));
    this.lost = flagField(words.lost, (lost) => change({ lost }), words.lost_hint);
    this.many = flagField(words.many, (many) => change({ many }), words.many_hint);
    this.classGroup = group(words.group_classes, true, this.classes, this.all);
    root.replaceChildren(group(words.group_thresholds, true, this.score, this.iou, this.funnel), this.classGroup,
      group(words.group_view, true, this.tags, this.lost, this.many));
    this.chips = new Map();
  }

  sync(settings, found) {
    this.score.set(settings.score); this.iou.set(settings.iou || found?.iou || 0.5);
    this.tags.set(settings.tags); this.lost.set(settings.lost); this.many.set(settings.many);
  }

  show(found, chosen, settings, colours) {
    const { words } = this;
    setText(this.funnel, fill(words.funnel, { total: readableCount(found.total), above: chosen.above, score: settings.score.toFixed(2), kept: chosen.kept.length }));
    const counts = new Map();
    for (let i = 0; i < found.count; i++) counts.set(found.labels[i], 0);
    for (const place of chosen.kept) counts.set(found.labels[place], counts.get(found.labels[place]) + 1);
    const few = found.categories.length <= 12, hidden = new Set(settings.hide);
    const labels = found.categories.map((_, label) => label).filter((label) => (few ? found.categories[label] !== "__background__" : counts.get(label) || hidden.has(label)));
    const key = JSON.stringify([found.categories, labels]);
    if (key !== this.key) { this.key = key; this.build(labels, found.categories, colours); }
    for (const [label, chip] of this.chips) { setText(chip.count, String(counts.get(label) || 0)); chip.input.checked = !hidden.has(label); }
    this.hidden = hidden;
    this.all.classList.toggle("cs-hidden", !hidden.size);
    this.classGroup.classList.toggle("cs-hidden", !labels.length);
  }

  build(labels, categories, colours) {
    this.chips.clear();
    this.classes.replaceChildren(...labels.map((label) => {
      const [r, g, b] = colours[label % colours.length], count = make("b"), swatch = make("i", { class: "swatch" });
      swatch.style.background = `rgb(${r} ${g} ${b})`;
      const input = make("input", { type: "checkbox", checked: true, onchange: () => {
        const hide = new Set(this.hidden);
        if (input.checked) hide.delete(label); else hide.add(label);
        this.change({ hide: [...hide].sort((a, b2) => a - b2) });
      } });
      this.chips.set(label, { input, count });
      return make("label", { class: "class-row" }, input, swatch, make("span", { title: categories[label] }, categories[label]), count);
    }));
  }
}

export class Milliseconds {                            // where the time of one picture went
  constructor(root, words) {
    this.words = words; this.past = [];
    this.parts = new Map(STAGES.map((name) => [name, { bar: make("i", { class: `part ${name}` }), value: make("td") }]));
    this.total = make("b"); this.runtime = make("p", { class: "runtime" });
    root.replaceChildren(make("h3", {}, words.time_title), make("p", { class: "time-total" }, this.total), this.runtime,
      make("div", { class: "time-bar", "aria-hidden": "true" }, STAGES.map((name) => this.parts.get(name).bar)),
      make("table", { class: "times" }, make("tbody", {}, STAGES.map((name) => make("tr", {}, make("td", {}, make("i", { class: `dot ${name}` }), words[`time_${name}`]), this.parts.get(name).value)))));
  }

  show(seconds, drawing, live, runtime) {              // seconds by stage; drawing in ms; live: several, so their median
    setText(this.runtime, fill(this.words.runtime, { runtime }));
    const now = { ...Object.fromEntries(Object.entries(seconds).map(([name, value]) => [name, 1000 * value])), draw: drawing };
    this.past = live ? [...this.past.slice(-14), now] : [now];
    const middle = (name) => this.past.map((one) => one[name]).sort((a, b) => a - b)[this.past.length >> 1];
    const values = STAGES.map((name) => [name, middle(name)]), sum = values.reduce((all, [, value]) => all + value, 0) || 1;
    for (const [name, value] of values) {
      const part = this.parts.get(name);
      part.bar.style.flexGrow = String(value / sum);
      setText(part.value, `${value.toFixed(1)} ms`);
    }
    setText(this.total, fill(this.words.time_total, { ms: sum.toFixed(0), fps: (1000 / sum).toFixed(1) }));
  }
}
