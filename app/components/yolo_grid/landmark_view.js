// Sixty-four points of a face that a person drags, and the 129 numbers that a network would have to say.
import { fill, make } from "../shared/dom.js";

const COLOUR = "#d6286e";

export class LandmarkView {
  constructor(screen) {
    this.screen = screen; this.at = -1;
    this.title = make("h3"); this.note = make("p", { class: "quiet" }); this.list = make("div", { class: "points" });
    this.numbers = [this.title, this.note, this.list];
  }

  take(block) {
    this.points = block.points.map((point) => [...point]); this.parts = block.parts;
    const xs = this.points.map(([x]) => x), ys = this.points.map(([, y]) => y);
    this.items = [{ box: [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)] }];
  }

  show() {
    const { screen } = this, { words } = screen, { face } = screen.settings;
    screen.editor.setEditable(face);
    screen.editor.setItems(face ? this.items : [], face ? 0 : -1);
    this.title.textContent = words.landmarks_title;
    this.note.textContent = words[face ? "landmarks_note" : "landmarks_none"];
    const [height, width] = screen.block.picture.size, texts = [["face", face ? "1" : "0"]];
    this.points.forEach(([x, y], i) => texts.push([`l_${i + 1}x`, face ? (x / width).toFixed(4) : "?"], [`l_${i + 1}y`, face ? (y / height).toFixed(4) : "?"]));
    if (this.list.childElementCount !== texts.length) {
      this.list.replaceChildren(...texts.map(() => make("span", {}, make("b"), make("i", { style: "font-style:normal" }))));
      this.cells = [...this.list.children].map((line) => [line, ...line.children]);
    }
    texts.forEach(([name, value], i) => {
      const [line, left, right] = this.cells[i];
      if (left.textContent !== name) left.textContent = name;
      if (right.textContent !== value) right.textContent = value;
      line.className = `${i > 0 && Math.floor((i - 1) / 2) === this.at ? "at" : ""} ${!face && i > 0 ? "care" : ""}`;
    });
    const part = this.at < 0 ? "" : ` ${fill(words.point_of, { n: this.at + 1, part: words[`part_${this.parts.find(([, , end]) => this.at < end)[0]}`] })}`;
    return fill(words[face ? "say_landmarks" : "say_no_face"], { count: texts.length }) + part;
  }

  style() { return { colour: "#3a3f47", weight: 1.2, dash: true, alpha: 0.7 }; }
  under() {}

  over(pen, editor) {
    if (!this.screen.settings.face) return;
    const [x1, , x2] = this.items[0].box, small = Math.min(Math.max((x2 - x1) * editor.scale / 62, 1.3), 3.4);   // CSS pixels, by the face's size
    pen.lineJoin = "round";
    for (const [name, first, end] of this.parts) {
      pen.beginPath();
      for (let i = first; i < end; i++) { const [x, y] = editor.toScreen(...this.points[i]); if (i === first || (name === "mouth" && i === first + 10)) pen.moveTo(x, y); else pen.lineTo(x, y); }
      pen.lineWidth = small + 0.4; pen.strokeStyle = "rgb(255 255 255 / .6)"; pen.stroke();
      pen.lineWidth = Math.min(small * 0.5, 1.2); pen.strokeStyle = COLOUR; pen.stroke();
    }
    this.points.forEach((point, i) => {
      const [x, y] = editor.toScreen(...point), wide = i === this.at ? small + 2.4 : small;
      pen.beginPath(); pen.arc(x, y, wide + Math.min(small * 0.4, 1.2), 0, 7); pen.fillStyle = "#fff"; pen.fill();
      pen.beginPath(); pen.arc(x, y, wide, 0, 7); pen.fillStyle = COLOUR; pen.fill();
    });
  }

  nearest(x, y, reach) {
    let found = -1, least = reach;
    this.points.forEach(([px, py], i) => { const far = Math.hypot(px - x, py - y); if (far < least) { least = far; found = i; } });
    return found;
  }

  press(x, y) {                                           // a point is taken before the box around all of them
    if (!this.screen.settings.face) return false;
    const { editor } = this.screen, at = this.nearest(x, y, 9 / editor.scale);
    if (at < 0) return false;
    this.at = at;
    const move = (event) => { const [toX, toY] = editor.at(event), [height, width] = editor.size; this.points[at] = [Math.min(Math.max(toX, 0), width), Math.min(Math.max(toY, 0), height)]; this.store(false); };
    const end = () => { window.removeEventListener("pointermove", move); window.removeEventListener("pointerup", end); window.removeEventListener("pointercancel", end); this.store(true); };
    window.addEventListener("pointermove", move); window.addEventListener("pointerup", end); window.addEventListener("pointercancel", end);
    this.screen.show();
    return true;
  }

  changed(done) {                                         // the box was moved or resized: the points go along
    if (!this.items[0]) { this.take({ points: this.points, parts: this.parts }); this.screen.show(); return; }
    const [x1, y1, x2, y2] = this.items[0].box, xs = this.points.map(([x]) => x), ys = this.points.map(([, y]) => y);
    const [left, top, right, bottom] = [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
    const scaled = (value, low, high, to, end) => (high > low ? to + (value - low) / (high - low) * (end - to) : (to + end) / 2);
    this.points = this.points.map(([x, y]) => [scaled(x, left, right, x1, x2), scaled(y, top, bottom, y1, y2)]);
    this.store(done, true);
  }

  store(done, fromBox = false) {
    if (!fromBox) this.take({ points: this.points, parts: this.parts });
    this.screen.settings.points = this.points.map(([x, y]) => `${Number(x.toFixed(1))},${Number(y.toFixed(1))}`).join(";");
    this.screen.show();
    if (done) this.screen.exchange.rest();
  }

  chosen() {}
  hover(x, y) {
    const at = x === null ? -1 : this.nearest(x, y, 9 / this.screen.editor.scale);
    if (at !== this.at) { this.at = at; this.screen.show(); }
  }
  pick() {}
  key() { return false; }
}
