// The picture and the picture moved a little, through convolution, max pooling and a fully connected layer.
import { fill, make } from "../shared/dom.js";
import { SCALES, gradientCss, paintMap } from "../shared/colours.js";
import { plainNumber, shortNumber } from "../shared/numbers.js";
import { Plane } from "../shared/plane.js";
import { Viewport } from "../shared/viewport.js";

const ROWS = ["picture", "map", "pooled"], MOMENTS = ["before", "after", "difference"];

export class ShiftView {
  constructor(root, words, change) {
    this.root = root; this.words = words; this.change = change;
    this.viewport = new Viewport(() => this.redraw());
    this.cells = {};
    const heads = ROWS.map((row) => { const share = make("b", { "data-share": row }), more = make("span", { class: "quiet" }); this.cells[row] = { share, more }; return make("div", { class: "row-head" }, make("h3", {}, words[`row_${row}`]), share, more); });
    const grid = make("div", { class: "shift-grid" }, make("span"), MOMENTS.map((moment) => make("span", { class: "name" }, words[`moment_${moment}`])));
    ROWS.forEach((row, place) => { grid.append(heads[place]); for (const moment of MOMENTS) { const plane = this.plane(row, moment); this.cells[row][moment] = plane; grid.append(plane.frame); } });
    this.dense = make("canvas", { class: "dense", role: "img" });
    const share = make("b", { "data-share": "dense" }), more = make("span", { class: "quiet" });
    this.cells.dense = { share, more };
    this.readout = make("p", { class: "readout" });
    const bar = make("div", { class: "colour-bar", role: "img", "aria-label": words.legend_alt });
    bar.style.background = gradientCss(SCALES.signed, 1);
    this.ends = [make("span"), make("span", {}, "0"), make("span")];
    root.replaceChildren(grid, make("div", { class: "dense-row" }, make("div", { class: "row-head" }, make("h3", {}, words.row_dense), share, more), this.dense), make("div", { class: "shift-foot" }, this.readout, make("div", { class: "signed-legend" }, bar, make("div", { class: "ends" }, this.ends))));
    this.observer = new ResizeObserver(() => this.layout());
    this.observer.observe(root);
  }

  plane(row, moment) {
    const plane = new Plane(this.viewport, { takesWheel: () => false, hover: (from, r, c) => this.point(row, r, c), leave: () => this.point(null), press: () => {} });
    plane.over.setAttribute("role", "img"); plane.over.setAttribute("aria-label", `${this.words[`row_${row}`]}, ${this.words[`moment_${moment}`]}`);
    if (row === "picture" && moment === "after") this.draggable(plane.over);
    return plane;
  }

  draggable(over) {                                       // the moved picture can be taken hold of
    let start = null;
    over.classList.add("grab");
    over.addEventListener("pointerdown", (event) => { start = [event.clientX, event.clientY, this.settings.right, this.settings.down]; });
    over.addEventListener("pointermove", (event) => {
      if (!start || !event.buttons) return;
      const { scale } = this.cells.picture.after.view, within = (value) => Math.min(Math.max(Math.round(value), -8), 8);
      const right = within(start[2] + (event.clientX - start[0]) / scale), down = within(start[3] + (event.clientY - start[1]) / scale);
      if (right !== this.settings.right || down !== this.settings.down) this.change({ right, down });
    });
    over.addEventListener("pointerup", () => { start = null; });
  }

  // study: {images, maps, pooled: [2, h, w], dense: [2, M]}, shares
  show(settings, study) {
    this.settings = settings;
    if (!study || study === this.study) return;
    this.study = study;
    const { images, maps, pooled, shares } = study, [, rows, columns] = images.shape, edge = (rows - maps.shape[1]) / 2;
    this.viewport.fitTo(0, 0, columns, rows);
    this.data = { picture: this.split(images), map: this.split(maps), pooled: this.split(pooled) };
    const sorted = Float32Array.from(this.data.map.before, Math.abs).sort();
    this.limit = sorted[Math.floor(sorted.length * 0.99)] || 1;
    const affine = { picture: { x: 0, y: 0, width: 1, height: 1 }, map: { x: edge, y: edge, width: 1, height: 1 }, pooled: { x: edge, y: edge, width: study.pool, height: study.pool } }, shape = { picture: images.shape, map: maps.shape, pooled: pooled.shape };
    for (const row of ROWS) {
      for (const moment of MOMENTS) {
        const data = this.data[row][moment], gray = row === "picture" && moment !== "difference", [, height, width] = shape[row];
        this.cells[row][moment].setContent({ rows: height, columns: width, affine: affine[row], numbersAt: (r, c) => [shortNumber(data[r * width + c])], paint: (out) => (gray ? paintMap(data, out, { kind: "gray", limit: 255 }) : paintMap(data, out, { kind: "signed", limit: row === "picture" ? 255 : this.limit })) });
      }
    }
    this.ends[0].textContent = shortNumber(-this.limit); this.ends[2].textContent = shortNumber(this.limit);
    this.tell(shares);
    this.layout();
  }

  split({ data, shape: [, rows, columns] }) {
    const count = rows * columns, before = Float32Array.from(data.subarray(0, count)), after = Float32Array.from(data.subarray(count, 2 * count));
    return { before, after, difference: after.map((value, i) => value - before[i]) };
  }

  tell(shares) {
    const { words } = this, percent = (part) => `${(100 * part).toFixed(1)} %`, [down, right] = shares.shift, moved = right || down;
    this.cells.picture.share.textContent = fill(words.moved_by, { right: plainNumber(right), down: plainNumber(down) });
    this.cells.map.share.textContent = percent(shares.map_equal);
    this.cells.map.more.textContent = fill(words.map_note, { change: percent(shares.map_change) });
    this.cells.pooled.share.textContent = percent(shares.pooled_equal);
    this.cells.pooled.more.textContent = fill(words.pooled_note, { change: percent(shares.pooled_change) });
    this.cells.dense.share.textContent = percent(shares.dense_equal);
    this.cells.dense.more.textContent = fill(words.dense_note, { change: percent(shares.dense_change), n: this.study.dense.shape[1] });
    if (!moved) this.cells.map.more.textContent = words.not_moved;
  }

  point(row, r, c) {
    const accent = getComputedStyle(this.root).getPropertyValue("--st-primary-color").trim() || "#b8127b";
    for (const one of ROWS) {
      for (const moment of MOMENTS) {
        const plane = this.cells[one][moment];
        plane.clearOver();
        if (row === one) plane.outline(r, c, 1, 1, accent, { least: 7 });
      }
    }
    if (!row) { this.readout.textContent = this.words.point_shift; return; }
    const { columns } = this.cells[row].before, at = r * columns + c, number = (moment) => plainNumber(this.data[row][moment][at], 3);
    this.readout.textContent = fill(this.words.at_place, { row: r, column: c, before: number("before"), after: number("after"), difference: number("difference") });
  }

  drawDense() {
    const { dense } = this.study, count = dense.shape[1], width = this.dense.clientWidth, height = this.dense.clientHeight, ratio = window.devicePixelRatio || 1;
    if (!width) return;
    this.dense.width = width * ratio; this.dense.height = height * ratio;
    const pen = this.dense.getContext("2d"), style = getComputedStyle(this.dense), accent = style.getPropertyValue("--st-primary-color").trim() || "#b8127b";
    let most = 1e-9;
    for (const value of dense.data) most = Math.max(most, Math.abs(value));
    pen.scale(ratio, ratio);
    const step = width / count, y = (value) => height / 2 - value / most * (height / 2 - 4);
    pen.strokeStyle = `color-mix(in srgb, ${style.color} 25%, transparent)`; pen.beginPath(); pen.moveTo(0, height / 2); pen.lineTo(width, height / 2); pen.stroke();
    for (let i = 0; i < count; i++) {
      pen.fillStyle = `color-mix(in srgb, ${style.color} 45%, transparent)`; pen.fillRect(i * step + 1, Math.min(y(dense.data[i]), height / 2), step * 0.42, Math.abs(y(dense.data[i]) - height / 2));
      pen.fillStyle = accent; pen.fillRect(i * step + 1 + step * 0.42, Math.min(y(dense.data[count + i]), height / 2), step * 0.42, Math.abs(y(dense.data[count + i]) - height / 2));
    }
    this.dense.setAttribute("aria-label", `${this.words.row_dense}: ${this.cells.dense.share.textContent}`);
  }

  layout() {
    if (!this.study) return;
    const { before } = this.cells.picture, width = before.frame.clientWidth, [, rows, columns] = this.study.images.shape;
    if (!width) return;
    const height = Math.round(Math.min(width * rows / columns, Math.max(window.innerHeight * 0.21, 110)));
    for (const row of ROWS) for (const moment of MOMENTS) this.cells[row][moment].resize(width, height);
    this.redraw();
    this.drawDense();
  }

  redraw() { for (const row of ROWS) for (const moment of MOMENTS) this.cells[row][moment].draw(); this.point(null); }

  close() { this.observer.disconnect(); }
}
