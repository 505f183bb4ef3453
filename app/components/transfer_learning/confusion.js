// The confusion matrix as a table: rows are what a picture is, columns what it was called.
import { make } from "../shared/dom.js";

export function confusionTable(matrix, categories, words) {
  const most = Math.max(1, ...matrix.flat());
  const cell = (count, row, column) => {
    const share = count / most, tone = row === column ? "var(--right)" : "var(--wrong)";
    return make("td", { title: `${categories[row]} → ${categories[column]}: ${count}`,
      style: `background: color-mix(in srgb, ${tone} ${Math.round(12 + 60 * share) * (count > 0)}%, var(--panel))` }, count ? String(count) : "");
  };
  return make("table", {}, make("caption", {}, words.matrix_hint),
    make("thead", {}, make("tr", {}, make("td"), categories.map((name) => make("th", { scope: "col", title: name }, name)))),
    make("tbody", {}, matrix.map((row, place) => make("tr", {}, make("th", { scope: "row", title: categories[place] }, categories[place]),
      row.map((count, column) => cell(count, place, column))))));
}
