// What every layer keeps: pictures found from noise, by the maps of one layer (content), by the Grams up to it (style).
import { fill, make } from "../shared/dom.js";

const ROWS = ["content", "style"];

export class LayersView {
  constructor(root, words, act) {
    this.words = words; this.urls = []; this.run = "";
    this.start = make("button", { class: "cs-button cs-main", type: "button", "data-act": "start_layers", onclick: () => act("start_layers") }, words.layers_start);
    this.stop = make("button", { class: "cs-button", type: "button", onclick: () => act("stop") }, words.act_stop);
    this.status = make("span", { class: "quiet", role: "status" });
    this.table = make("div", { class: "layer-table" });
    root.replaceChildren(make("p", { class: "layers-hint" }, words.layers_hint), make("div", { class: "buttons" }, this.start, this.stop, this.status), this.table);
    this.cells = new Map();
  }

  get last() { return Math.max(0, ...[...this.cells.values()].map((cell) => cell.step)); }

  reset(run) { this.run = run; for (const url of this.urls) URL.revokeObjectURL(url); this.urls = []; this.cells = new Map(); this.drawn = ""; }

  take(news, arrays) {
    for (const cell of news.cells) {
      const name = `${cell.what} ${cell.layer}`, before = this.cells.get(name), url = URL.createObjectURL(new Blob([arrays[`cell ${name}`].data.slice()], { type: "image/jpeg" }));
      if (before) URL.revokeObjectURL(before.url);
      this.urls = this.urls.filter((old) => old !== before?.url).concat(url);
      this.cells.set(name, { ...cell, url });
    }
  }

  sync(studio) {
    const { words } = this, news = studio.layersNews?.inputs === studio.block.inputs ? studio.layersNews : null;
    const running = Boolean(news) && ["queued", "running"].includes(news.state), busy = studio.running;
    this.start.classList.toggle("cs-hidden", running);
    this.start.textContent = news && this.cells.size ? words.act_again : words.layers_start;
    this.stop.classList.toggle("cs-hidden", !running);
    this.status.textContent = busy ? words.layers_busy : !news ? "" : news.state === "queued" ? words.starting : words[`state_${news.state}`];
    const layers = (news ? studio.block.networks.find((one) => one.name === news.network) : studio.network).style_layers;
    const picture = studio.parts.get(studio.block.picture.id).picture, style = studio.block.styles[0];
    const seen = JSON.stringify([layers, studio.block.inputs, news?.run, [...this.cells.values()].map((cell) => cell.step)]);
    if (seen === this.drawn) return;
    this.drawn = seen;
    const cells = news ? this.cells : new Map();
    this.table.style.setProperty("--layers", layers.length + 1);
    this.table.replaceChildren(make("span", { class: "layer-name" }, words.original), ...layers.map((layer) => make("span", { class: "layer-name" }, layer)),
      ...ROWS.flatMap((what) => [this.cell({ url: what === "content" ? picture.url : style.thumb }, words[`layers_${what}`]),
        ...layers.map((layer) => this.cell(cells.get(`${what} ${layer}`), fill(words[`layers_alt_${what}`], { layer })))]));
  }

  cell(found, label) {
    const image = found ? make("img", { src: found.url, alt: label }) : make("div", { class: "no-cell" });
    const under = !found ? "" : found.first ? fill(this.words.layers_left, { percent: (100 * found.loss / (found.first || 1)).toPrecision(2) }) : label;
    return make("figure", { "data-cell": found?.step ? `${found.what} ${found.layer}` : null }, image, make("figcaption", {}, under));
  }
}
