// R-CNN, Fast R-CNN and Faster R-CNN side by side: what each network reads, how often it runs, what it costs.
import { SCALES } from "../shared/colours.js";
import { make, fill } from "../shared/dom.js";
import { readableCount } from "../shared/numbers.js";

function tile(width, height, pixelAt) {
  const canvas = make("canvas", { width, height, "aria-hidden": "true" }), image = new ImageData(width, height), out = new Uint32Array(image.data.buffer);
  for (let i = 0; i < out.length; i++) out[i] = pixelAt(i);
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

export function secondsText(value) { return value >= 100 ? `${Math.round(value)} s` : value >= 1 ? `${value.toFixed(1)} s` : `${(1000 * value).toFixed(0)} ms`; }

export class GenerationsView {
  constructor(words) {
    this.words = words;
    this.note = make("p", { class: "quiet" });
    this.columns = make("div", { class: "generations" });
    this.element = make("section", { class: "generations-view" }, this.columns, this.note);
  }

  show(found, picture) {                                  // found: {rows, trained, crops, pooled, finals}; picture: {bitmap, size}
    const { words } = this, most = Math.max(...found.rows.map((row) => row.proposal_seconds + row.network_seconds)), work = Math.max(...found.rows.map((row) => row.multiply_adds));
    const reads = [this.crops(found.crops), this.pooled(found.pooled), [this.proposals(found.finals, picture)]];
    this.columns.replaceChildren(...found.rows.map((row, i) => make("article", { "data-generation": row.name },
      make("h3", {}, row.name, make("small", {}, ` ${row.source}`)), make("p", { class: "how" }, words[`how_${i}`]), make("div", { class: `reads reads-${i}` }, reads[i]),
      this.fact(words.passes, readableCount(row.passes)), this.fact(words.regions, readableCount(row.regions)),
      this.fact(words.work, readableCount(row.multiply_adds), row.multiply_adds / work),
      this.fact(words.time, secondsText(row.proposal_seconds + row.network_seconds), row.network_seconds / most, row.proposal_seconds / most),
      make("p", { class: "quiet" }, row.proposal_seconds ? fill(words.time_parts, { search: secondsText(row.proposal_seconds), network: secondsText(row.network_seconds) }) : words.time_own))));
    this.note.textContent = `${fill(words.measured_on, { n: found.rows[0].measured })} ${found.trained ? "" : words.random_note}`;
  }

  fact(label, value, share = null, second = 0) {
    const bars = share === null ? null : make("div", { class: "share" }, ...[[second, "search"], [share, "network"]].filter(([part]) => part > 0).map(([part, name]) => { const bar = make("i", { class: name }); bar.style.width = `max(2px, ${100 * part}%)`; return bar; }));
    return make("div", { class: "fact" }, make("span", {}, label), make("b", {}, value), bars);
  }

  crops({ data, shape: [count, , height, width] }) {
    const plane = height * width;
    return Array.from({ length: count }, (_, i) => tile(width, height, (p) => { const at = 3 * i * plane + p; return (255 << 24 | data[at + 2 * plane] << 16 | data[at + plane] << 8 | data[at]) >>> 0; }));
  }

  pooled({ data, shape: [count, height, width] }) {
    const plane = height * width;
    return Array.from({ length: count }, (_, i) => {
      const part = data.subarray(i * plane, (i + 1) * plane), low = Math.min(...part), spread = Math.max(...part) - low || 1;
      return tile(width, height, (p) => SCALES.magnitude[Math.round(255 * (part[p] - low) / spread)]);
    });
  }

  proposals({ data }, { bitmap, size: [height, width] }) {
    const wide = 300, tall = Math.max(Math.round(wide * height / width), 1), canvas = make("canvas", { width: wide, height: tall, "aria-hidden": "true" }), pen = canvas.getContext("2d");
    pen.drawImage(bitmap, 0, 0, wide, tall);
    pen.strokeStyle = "rgb(255 214 10 / .8)"; pen.lineWidth = 1;
    for (let k = 0; k < Math.min(data.length / 4, 40); k++) { const [x1, y1, x2, y2] = data.subarray(4 * k, 4 * k + 4), s = wide / width; pen.strokeRect(x1 * s, y1 * s, (x2 - x1) * s, (y2 - y1) * s); }
    return canvas;
  }
}
