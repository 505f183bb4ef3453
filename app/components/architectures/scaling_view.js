// EfficientNet's baseline and the scaled network to one scale: the picture's side, every layer's map size and channels.
import { make, fill } from "../shared/dom.js";
import { plainNumber, readableCount } from "../shared/numbers.js";

const ROW = 236;

export class ScalingView {
  constructor(words) {
    this.words = words;
    this.facts = make("div", { class: "scale-facts" });
    this.canvas = make("canvas", { class: "scaled", role: "img" });
    this.body = make("tbody");
    const head = ["name", "depth", "width", "side", "parameters", "work"].map((name) => make("th", {}, words[`family_${name}`]));
    this.element = make("section", { class: "scaling-view" }, this.facts, this.canvas, make("p", { class: "quiet" }, words.scaling_caption),
      make("h3", {}, words.family_title), make("div", { class: "family-scroll" }, make("table", {}, make("thead", {}, make("tr", {}, head)), this.body)));
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this.element);
  }

  show(scaling, picture) {
    Object.assign(this, { scaling, picture });
    const { words } = this, { factors, growth, stages, base } = scaling, total = (list, name) => list.reduce((sum, stage) => sum + stage[name], 0);
    const own = { parameters: total(stages, "parameters"), work: total(stages, "multiply_adds") }, b0 = { parameters: total(base, "parameters"), work: total(base, "multiply_adds") };
    const fact = (label, value, small) => make("div", { class: "fact" }, make("span", {}, label), make("b", {}, value), make("small", {}, small));
    this.facts.replaceChildren(
      fact(words.family_depth, `× ${plainNumber(factors.depth, 2)}`, fill(words.layers_of, { n: total(stages, "layers") })),
      fact(words.family_width, `× ${plainNumber(factors.width, 2)}`, fill(words.channels_to, { n: stages.at(-1).channels })),
      fact(words.family_side, `× ${plainNumber(factors.resolution, 2)}`, `${scaling.side} × ${scaling.side} px`),
      fact(words.family_parameters, readableCount(own.parameters), `× ${plainNumber(own.parameters / b0.parameters, 2)}`),
      fact(words.family_work, readableCount(own.work), fill(words.growth, { real: plainNumber(own.work / b0.work, 2), rule: plainNumber(growth, 2) })));
    const most = Math.max(...scaling.family.map((row) => row.multiply_adds));
    this.body.replaceChildren(...scaling.family.map((row) => {
      const bar = make("i");
      bar.style.width = `${100 * row.multiply_adds / most}%`;
      return make("tr", {}, make("td", {}, row.name), make("td", {}, `× ${row.depth}`), make("td", {}, `× ${row.width}`), make("td", {}, `${row.side} px`), make("td", {}, readableCount(row.parameters)), make("td", { class: "cost" }, make("span", {}, readableCount(row.multiply_adds)), make("div", { class: "share" }, bar)));
    }));
    this.canvas.setAttribute("aria-label", fill(words.scaling_alt, { layers: total(stages, "layers"), side: scaling.side }));
    this.draw();
  }

  draw() {
    if (!this.scaling || !this.element.clientWidth) return;
    const width = this.element.clientWidth, ratio = window.devicePixelRatio || 1, { stages, base, side } = this.scaling;
    const nets = [{ list: base, side: 224, name: "EfficientNet-B0" }, { list: stages, side, name: this.words.scaled_name }];
    const scale = (ROW - 40) / Math.max(224, side), height = 2 * 26 + nets.reduce((sum, net) => sum + net.side * scale + 6, 0);
    this.canvas.width = width * ratio; this.canvas.height = height * ratio; this.canvas.style.height = `${height}px`;
    const pen = this.canvas.getContext("2d"), style = getComputedStyle(this.canvas), ink = style.color, accent = style.getPropertyValue("--st-primary-color").trim();
    pen.scale(ratio, ratio);
    const left = Math.max(224, side) * scale + 22, bars = (list) => list.reduce((sum, stage) => sum + stage.layers * (thickness(stage) + 2) + 7, 0);
    const fit = Math.min(2.6, (width - left - 4) / Math.max(...nets.map((net) => bars(net.list))));
    let top = 0;
    nets.forEach(({ list, side: pixels, name }, which) => {
      const tall = pixels * scale;
      pen.fillStyle = ink; pen.font = `600 13px ${style.getPropertyValue("--st-font") || "sans-serif"}`; pen.textBaseline = "top"; pen.fillText(`${name} · ${pixels} px`, 0, top + 4);
      top += 26;
      this.drawPicture(pen, 0, top, tall);
      let at = left;
      for (const stage of list) {
        const wide = thickness(stage) * fit, high = Math.max(stage.size * scale, 2);
        for (let i = 0; i < stage.layers; i++) {
          pen.fillStyle = which ? accent : `color-mix(in srgb, ${ink} 55%, transparent)`;
          pen.fillRect(at, top + (tall - high) / 2, Math.max(wide, 1), high);
          at += wide + 2 * fit;
        }
        at += 7 * fit;
      }
      top += tall + 6;
    });
  }

  drawPicture(pen, x, y, side) {
    const [channels, height, width] = this.picture.image.shape, { data } = this.picture.image, source = new OffscreenCanvas(width, height), image = new ImageData(width, height), out = new Uint32Array(image.data.buffer);
    const count = height * width, g = channels === 3 ? count : 0;
    for (let i = 0; i < count; i++) out[i] = (255 << 24 | data[i + 2 * g] << 16 | data[i + g] << 8 | data[i]) >>> 0;
    source.getContext("2d").putImageData(image, 0, 0);
    pen.drawImage(source, x, y, side, side);
  }

  close() { this.observer.disconnect(); }
}

function thickness(stage) { return 2 + stage.channels * 0.05; }
