// Several pictures gone through one after another: each with its boxes and how many there are, at the thresholds of now.
import { fill, make } from "../shared/dom.js";
import { setText } from "../shared/numbers.js";
import { Candidates } from "./found.js";

export class PictureStrip {
  constructor(root, words, hooks) {                    // hooks: ask(key), open(key)
    Object.assign(this, { root, words, hooks, cells: new Map(), key: "" });
    this.sum = make("p", { class: "strip-sum", role: "status" });
    this.list = make("div", { class: "strip-list" });
    root.replaceChildren(make("h3", {}, words.many_title), this.sum, this.list);
  }

  update(pictures, network) {                          // the pictures, and which network looks at them
    const key = JSON.stringify([pictures.map((p) => p.key), network]);
    this.root.classList.toggle("cs-hidden", !pictures.length);
    if (key === this.key) { this.next(); return; }
    this.key = key;
    this.cells = new Map(pictures.map((picture) => {
      const canvas = make("canvas", { class: "strip-canvas" }), note = make("span", { class: "strip-note" }, "…");
      const image = new Image();
      const cell = { picture, canvas, note, image, found: null, asked: false };
      image.onload = () => this.draw(cell);
      image.src = picture.thumb;
      cell.element = make("button", { class: "strip-cell", type: "button", title: picture.alt, onclick: () => this.hooks.open(picture.key) }, canvas, make("span", { class: "strip-name" }, picture.name), note);
      return [picture.key, cell];
    }));
    this.list.replaceChildren(...[...this.cells.values()].map((cell) => cell.element));
    this.next();
  }

  next() {                                             // one at a time: the newest request would push out the one before
    const waiting = [...this.cells.values()].find((cell) => !cell.found && !cell.failed);
    if (waiting && !waiting.asked) { waiting.asked = true; this.hooks.ask(waiting.picture.key); }
  }

  take(block) {
    const cell = this.cells.get(block.key);
    if (cell) { cell.found = new Candidates(block.candidates, block.arrays); this.draw(cell); }
    this.tell();
    this.next();
  }

  fail(sentence) {                                     // the one that was asked for last could not be looked at
    const cell = [...this.cells.values()].find((one) => one.asked && !one.found && !one.failed);
    if (cell) { cell.failed = true; setText(cell.note, sentence); }
    this.next();
  }

  show(settings, colours) {
    this.settings = settings; this.colours = colours;
    for (const cell of this.cells.values()) this.draw(cell);
    this.tell();
  }

  draw(cell) {
    const { image, canvas, found } = cell;
    if (!image.complete || !image.naturalWidth) return;
    if (canvas.width !== image.naturalWidth) { canvas.width = image.naturalWidth; canvas.height = image.naturalHeight; }
    const pen = canvas.getContext("2d");
    pen.drawImage(image, 0, 0);
    if (!found || !this.settings) return;
    const { score, iou, hide } = this.settings, chosen = found.select(score, iou, hide), scale = canvas.width / found.size[1];
    cell.count = chosen.kept.length;
    pen.lineWidth = 2;
    for (const place of chosen.kept) {
      const [x1, y1, x2, y2] = found.boxOf(place).map((value) => value * scale), [r, g, b] = this.colours[found.labels[place] % this.colours.length];
      pen.strokeStyle = `rgb(${r} ${g} ${b})`;
      pen.strokeRect(x1, y1, x2 - x1, y2 - y1);
    }
    setText(cell.note, fill(this.words.found_count, { n: cell.count }));
  }

  tell() {
    const cells = [...this.cells.values()], done = cells.filter((cell) => cell.found), sum = done.reduce((all, cell) => all + (cell.count || 0), 0);
    setText(this.sum, fill(this.words.many_sum, { done: done.length, of: cells.length, n: sum }));
  }
}
