// What every list of layers shows of one: its operation in words, its output, its share of weights and work.
import { make, fill } from "../shared/dom.js";
import { readableCount } from "../shared/numbers.js";

export function operation(row, words, brief = false) {                   // "5 × 5, stride 2, padding 1", or what the layer does
  const alone = row.k && row.g > 1 && row.g === row.shape[0] && row.kind === "Conv2d";   // a filter for each channel
  const name = alone ? words.depthwise : words[`op_${row.kind}`] || row.kind;
  if (!row.k) return row.layers > 1 ? `${name} · ${fill(words.layers_inside, { n: row.layers })}` : name;
  const parts = [`${name} ${row.k} × ${row.k}`];
  if (row.s > 1) parts.push(fill(words.stride_of, { n: row.s }));
  if (row.p > 0 && !brief) parts.push(fill(words.padding_of, { n: row.p }));
  if (row.d > 1) parts.push(fill(words.dilation_of, { n: row.d }));
  if (row.g > 1 && !alone) parts.push(fill(words.groups_of, { n: row.g }));
  return parts.join(", ");
}

export function shapeText(shape) { return shape.join(" × "); }

export function costCell(value, most, name) {             // a number, and under it its length beside the largest
  const bar = make("i");
  bar.style.width = `${most ? 100 * value / most : 0}%`;
  return make("td", { class: `cost ${name}` }, make("span", {}, value ? readableCount(value) : "–"), value ? make("div", { class: "share" }, bar) : null);
}

export function totals(words, table) {
  return fill(words.totals, { parameters: readableCount(table.parameters), work: readableCount(table.multiply_adds) });
}
