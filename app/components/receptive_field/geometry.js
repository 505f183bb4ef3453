// Where units look, by the tables the server sends: unit (r, c) sees rows rows[r] and columns columns[c] of the picture.
export class FieldGeometry {
  constructor(layers, tables) { this.layers = layers; this.tables = tables; this.paths = new Map(); }

  span(place, axis, index) {                              // [first, end) along rows (0) or columns (1)
    const at = this.layers[place].tables[axis] + 2 * index;
    return [this.tables[at], this.tables[at + 1]];
  }

  box(place, row, column) {                               // [x1, y1, x2, y2], ends exclusive; beyond the picture lies padding
    const [y1, y2] = this.span(place, 0, row), [x1, x2] = this.span(place, 1, column);
    return x1 < x2 && y1 < y2 ? [x1, y1, x2, y2] : [0, 0, 0, 0];
  }

  seeing(place, axis, pixel) {                            // [first, end) of the units that see a row or column, or null
    let first = -1, end = -1;
    for (let i = 0; i < this.layers[place].grid[axis]; i++) {
      const [low, stop] = this.span(place, axis, i);
      if (pixel >= low && pixel < stop) { if (first < 0) first = i; end = i + 1; }
    }
    return first < 0 ? null : [first, end];
  }

  units(place, y, x) {                                    // the units that see a pixel: [c1, r1, c2, r2], or null
    const rows = this.seeing(place, 0, y), columns = this.seeing(place, 1, x);
    return rows && columns ? [columns[0], rows[0], columns[1], rows[1]] : null;
  }

  nearest(place, axis, middle) {                          // the unit whose field lies most evenly around a place
    let best = 0, least = Infinity;
    for (let i = 0; i < this.layers[place].grid[axis]; i++) {
      const [low, stop] = this.span(place, axis, i), far = Math.abs((low + stop) / 2 - middle);
      if (far < least) { least = far; best = i; }
    }
    return best;
  }

  path(place) {                                           // the layers before it whose fields grow, and itself, in order
    if (this.paths.has(place)) return this.paths.get(place);
    const seen = new Set([place]), waiting = [place];
    while (waiting.length) for (const input of this.layers[waiting.pop()].inputs) if (!seen.has(input)) { seen.add(input); waiting.push(input); }
    const found = [...seen].filter((i) => i === place || this.layers[i].changes).sort((a, b) => a - b);
    this.paths.set(place, found);
    return found;
  }

  nested(place, row, column) {                            // the boxes on the way to a unit, each around the same middle
    const [x1, y1, x2, y2] = this.box(place, row, column), boxes = [];
    for (const i of this.path(place)) {
      const box = i === place ? [x1, y1, x2, y2] : this.box(i, this.nearest(i, 0, (y1 + y2) / 2), this.nearest(i, 1, (x1 + x2) / 2));
      if (!boxes.some((other) => other.every((value, k) => value === box[k]))) boxes.push(box);
    }
    return boxes;
  }

  overhang(place) {                                       // how far its fields reach beyond the picture [height, width]
    return [0, 1].map((axis) => {
      const { grid } = this.layers[place], [low] = this.span(place, axis, 0), [, end] = this.span(place, axis, grid[axis] - 1);
      return [Math.max(-low, 0), end];
    });
  }
}
