// The U: the contracting arm down the left, the bottom, the expanding arm up the right, and a switch on every skip.
import { make, fill } from "../shared/dom.js";
import { SCALES } from "../shared/colours.js";
import { paintOverlay, paintPlain } from "../shared/class_overlay.js";

const SIDES = [128, 106, 86, 68], BOTTOM = 56, ENDS = 128;   // CSS pixels of a block's longer side, by depth

export class UDrawing {
  constructor(root, words, change) {
    this.root = root; this.words = words; this.change = change; this.levels = 0;
  }

  show({ picture, settings, network, u }) {
    Object.assign(this, { picture, settings, network, u });
    const levels = settings.skips.length;
    if (levels !== this.levels) this.build(levels);
    this.draw();
  }

  build(levels) {
    const { words } = this;
    this.levels = levels;
    this.nodes = new Map(); this.switches = [];
    this.ends = { input: this.end("input", words.end_input), output: this.end("output", words.end_output) };
    const rows = [this.ends.input.element, make("span", { class: "u-middle" }), make("span"), this.ends.output.element];
    for (let depth = 0; depth < levels; depth++) {
      rows.push(this.node(`carried.${depth}`, depth), this.skip(depth), this.node(`raised.${depth}`, depth), this.node(`merged.${depth}`, depth));
    }
    const bottom = this.node("bottom", levels);
    bottom.classList.add("u-bottom");
    this.scores = make("button", { class: "u-scores", type: "button", onclick: () => this.change({ block: "logits", channel: -1 }) }, words.show_scores);
    rows[1].append(this.scores);
    this.root.replaceChildren(make("h3", {}, words.u_title), make("div", { class: "u-grid" }, ...rows, bottom), make("p", { class: "quiet" }, words.u_hint));
  }

  end(name, title) {
    const canvas = make("canvas", { role: "img" });
    return { canvas, element: make("figure", { class: `u-end ${name}` }, canvas, make("figcaption", {}, title)) };
  }

  node(name, depth) {
    const canvas = make("canvas", { "aria-hidden": "true" }), caption = make("span", { class: "u-shape" });
    const arm = name.split(".")[0];
    const button = make("button", { class: `u-node ${arm}`, type: "button", title: this.words[`hint_${arm}`], "data-block": name, onclick: () => this.change({ block: name, channel: -1 }) },
      canvas, caption);
    this.nodes.set(name, { button, canvas, caption, side: depth < SIDES.length ? SIDES[depth] : BOTTOM });
    if (arm === "bottom") this.nodes.get(name).side = BOTTOM;
    return button;
  }

  skip(depth) {
    const label = make("span", { class: "skip-label" }), carries = make("span", { class: "skip-carries" });
    const button = make("button", { class: "u-skip", type: "button", role: "switch", "data-skip": depth, onclick: () => this.toggle(depth) },
      label, make("span", { class: "skip-line" }, make("i")), carries);
    this.switches.push({ button, label, carries });
    return button;
  }

  toggle(depth) {
    const skips = [...this.settings.skips];
    skips[depth] = skips[depth] === "1" ? "0" : "1";
    this.change({ skips: skips.join("") });
  }

  mark(settings) {                                        // at once, before the maps are there
    this.settings = settings;
    this.switches.forEach(({ button, label, carries }, depth) => {
      const on = settings.skips[depth] === "1", shape = this.u.nodes.find((node) => node.name === `carried.${depth}`).shape;
      button.setAttribute("aria-checked", String(on));
      button.setAttribute("aria-label", fill(this.words.skip_label, { n: depth + 1 }));
      label.textContent = fill(this.words.skip_label, { n: depth + 1 });
      carries.textContent = on ? fill(this.words.skip_carries, { n: (shape[0] * shape[1] * shape[2]).toLocaleString("en-US") }) : this.words.skip_off;
    });
    for (const [name, { button }] of this.nodes) button.setAttribute("aria-pressed", String(name === settings.block));
    this.scores.setAttribute("aria-pressed", String(settings.block === "logits"));
  }

  draw() {
    if (!this.u) return;
    const { u, picture, words, network } = this;
    for (const node of u.nodes) {
      const found = this.nodes.get(node.name), values = u.arrays[`node.${node.name}`];
      if (!found || !values) continue;
      const [rows, columns] = values.shape, [channels, height, width] = node.shape;
      sized(found.canvas, rows, columns, found.side);
      const image = new ImageData(columns, rows), out = new Uint32Array(image.data.buffer);
      for (let i = 0; i < out.length; i++) out[i] = SCALES.magnitude[values.data[i]];
      found.canvas.getContext("2d").putImageData(image, 0, 0);
      found.caption.textContent = `${channels} × ${height} × ${width}`;
      found.button.setAttribute("aria-label", fill(words[`alt_${node.name.split(".")[0]}`], { n: Number(node.name.split(".")[1] || 0) + 1, channels, height, width }));
    }
    const [, height, width] = picture.shape;
    for (const [name, end] of Object.entries(this.ends)) {
      sized(end.canvas, height, width, ENDS);
      const image = new ImageData(width, height), out = new Uint32Array(image.data.buffer);
      if (name === "input") paintPlain(picture.image, out);
      else paintOverlay(picture.image, u.arrays.labels, network.colours, 0.8, out);
      end.canvas.getContext("2d").putImageData(image, 0, 0);
    }
    this.ends.input.canvas.setAttribute("aria-label", picture.alt);
    this.ends.output.canvas.setAttribute("aria-label", words.end_output);
    this.mark(this.settings);
  }
}

function sized(canvas, rows, columns, side) {
  canvas.width = columns; canvas.height = rows;
  const scale = side / Math.max(rows, columns);
  canvas.style.width = `${Math.max(columns * scale, 8)}px`; canvas.style.aspectRatio = `${columns} / ${rows}`;
}
