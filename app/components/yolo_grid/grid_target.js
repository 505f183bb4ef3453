// The target tensor of placed objects: which cell and anchor answer for each, and what they have to say.
import { shapeOverlap } from "../shared/overlap.js";

export class GridTarget {
  // objects: [{box, label}] in pixels of a picture of [height, width]; shapes: [[width, height]] of the anchors, [] for none
  constructor(objects, [rows, columns], [height, width], classes, shapes) {
    Object.assign(this, { rows, columns, height, width, classes, shapes, anchors: Math.max(shapes.length, 1) });
    this.owners = new Map();
    this.assignments = objects.map(({ box, label }, object) => this.place(box, label, object));
  }

  get depth() { return this.anchors * (5 + this.classes); }
  get names() { return ["p_c", ...Array.from({ length: this.classes }, (_, c) => `c${c + 1}`), "b_x", "b_y", "b_h", "b_w"]; }
  get collisions() { return this.assignments.filter(({ takenBy }) => takenBy !== null); }

  key(row, column, anchor) { return (row * this.columns + column) * this.anchors + anchor; }

  place([x1, y1, x2, y2], label, object) {
    const high = this.height / this.rows, wide = this.width / this.columns, x = (x1 + x2) / 2 / wide, y = (y1 + y2) / 2 / high;
    const row = Math.min(Math.floor(y), this.rows - 1), column = Math.min(Math.floor(x), this.columns - 1);   // the far border is the last cell's
    const overlaps = this.shapes.length ? this.shapes.map(([w, h]) => shapeOverlap(x2 - x1, y2 - y1, w, h)) : [1];
    const anchor = overlaps.indexOf(Math.max(...overlaps)), key = this.key(row, column, anchor);
    const takenBy = this.owners.has(key) ? this.owners.get(key) : null;
    if (takenBy === null) this.owners.set(key, object);
    return { object, label, row, column, anchor, overlaps, b: [x - column, y - row, (y2 - y1) / high, (x2 - x1) / wide], takenBy };
  }

  vector(row, column, anchor) {                           // {values, cares, owner}: owner is an object's number or null
    const owner = this.owners.get(this.key(row, column, anchor)), values = new Array(5 + this.classes).fill(0), cares = values.map((_, i) => i === 0 || owner !== undefined);
    if (owner === undefined) return { values, cares, owner: null };
    const { label, b } = this.assignments[owner];
    values[0] = 1; values[1 + label] = 1;
    b.forEach((value, i) => { values[1 + this.classes + i] = value; });
    return { values, cares, owner };
  }

  box(values, row, column) {                              // the box that b_x, b_y, b_h, b_w in a cell stand for, in pixels
    const [x, y, h, w] = values.slice(-4), high = this.height / this.rows, wide = this.width / this.columns;
    return [(column + x - w / 2) * wide, (row + y - h / 2) * high, (column + x + w / 2) * wide, (row + y + h / 2) * high];
  }

  // answerAt(row, column, anchor) → numbers; returns {objects, background, total} of Σ (ŷ − y)² without the don't-cares
  loss(answerAt) {
    let objects = 0, background = 0;
    for (let row = 0; row < this.rows; row++) for (let column = 0; column < this.columns; column++) for (let anchor = 0; anchor < this.anchors; anchor++) {
      const target = this.vector(row, column, anchor), sum = squaredErrors(answerAt(row, column, anchor), target).reduce((a, b) => a + b, 0);
      if (target.owner === null) background += sum; else objects += sum;
    }
    return { objects, background, total: objects + background };
  }
}

export function squaredErrors(answer, { values, cares }) { return values.map((value, i) => (cares[i] ? (answer[i] - value) ** 2 : 0)); }
