// What a block's run says: identity or not, the formula with its numbers, and costs set beside each other as bars.
import { make, fill } from "../shared/dom.js";
import { plainNumber, readableCount } from "../shared/numbers.js";

export class BlockFacts {
  constructor(words) {
    this.words = words;
    this.verdict = make("p", { class: "verdict" });
    this.formula = make("p", { class: "formula" });
    this.bars = make("div", { class: "bars" });
    this.total = make("p", { class: "totals" });
    this.element = make("section", { class: "block-facts" }, this.verdict, this.formula, this.bars, this.total);
  }

  show(table, settings, name) {
    const { words } = this, { facts, compare } = table;
    this.verdict.textContent = this.sentence(facts, settings, name);
    this.verdict.classList.toggle("true", Boolean(facts.identical));
    this.formula.textContent = this.equation(table, settings, name);
    this.total.textContent = fill(words.totals, { parameters: readableCount(table.parameters), work: readableCount(table.multiply_adds) });
    const most = Math.max(...compare.map((bar) => bar.multiply_adds), 1);
    this.bars.classList.toggle("cs-hidden", !compare.length);
    this.bars.replaceChildren(...compare.map((bar) => this.bar(bar, most)),
      ...(compare.length > 1 ? [make("p", { class: "quiet ratio" }, fill(words.compare_ratio, { ratio: plainNumber(compare[0].multiply_adds / compare[1].multiply_adds, 3), times: plainNumber(compare[1].multiply_adds / compare[0].multiply_adds, 1) }))] : []));
  }

  bar({ id, parameters, multiply_adds: work }, most) {
    const line = make("i");
    line.style.width = `${100 * work / most}%`;
    return make("div", { class: "bar", "data-compare": id }, make("span", {}, this.words[`compare_${id}`]), make("b", {}, fill(this.words.compare_work, { work: readableCount(work), parameters: readableCount(parameters) })), make("div", { class: "share" }, line));
  }

  sentence(facts, settings, name) {
    const { words } = this;
    if (name === "residual" || name === "projection") {
      if (facts.identical) return words.is_identity;
      if (facts.largest === 0) return words.is_nothing;
      if (facts.difference !== undefined) return fill(settings.shortcut ? words.is_changed : words.is_plain, { d: plainNumber(facts.difference, 4) });
      return settings.shortcut ? words.is_projected : fill(words.is_plain_strided, {});
    }
    return words[`says_${name}`];
  }

  equation(table, settings, name) {
    const { words } = this;
    if (name === "separable") {
      const out = table.rows.at(-1).shape[0];
      return fill(words.formula_separable, { out, k: settings.k, ratio: plainNumber(table.facts.ratio, 4) });
    }
    return words[`formula_${name}`] || "";
  }
}
