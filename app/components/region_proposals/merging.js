// A tree of merged regions, as it stands after some merges: who belongs to whom, in which mean colour.
export class Merging {
  // segments: (h, w) first regions 0 … first − 1; pairs: (M, 2), merge m makes region first + m; image: uint8 (C, H, W)
  constructor({ segments, pairs, first }, image) {
    this.segments = segments.data; [this.rows, this.columns] = segments.shape;
    this.pairs = pairs.data; this.first = first; this.merges = pairs.data.length / 2;
    this.sums = this.means(image);
    this.roots = new Int32Array(first);
    this.at = -1;
  }

  means({ data, shape: [channels, height, width] }) {     // summed colour and pixels of every region of the tree
    const { rows, columns, first, merges, pairs } = this, sums = new Float64Array(4 * (first + merges)), plane = height * width;
    for (let r = 0; r < rows; r++) {
      const y = Math.min(Math.floor((r + 0.5) * height / rows), height - 1);
      for (let c = 0; c < columns; c++) {
        const at = 4 * this.segments[r * columns + c], from = y * width + Math.min(Math.floor((c + 0.5) * width / columns), width - 1);
        for (let i = 0; i < 3; i++) sums[at + i] += data[from + (channels === 3 ? i * plane : 0)];
        sums[at + 3] += 1;
      }
    }
    for (let m = 0; m < merges; m++) for (let i = 0; i < 4; i++) sums[4 * (first + m) + i] = sums[4 * pairs[2 * m] + i] + sums[4 * pairs[2 * m + 1] + i];
    return sums;
  }

  go(step) {                                              // the state after `step` merges
    if (step === this.at) return;
    const { first, pairs } = this, owner = new Int32Array(first + step).fill(-1);
    for (let m = 0; m < step; m++) { owner[pairs[2 * m]] = first + m; owner[pairs[2 * m + 1]] = first + m; }
    for (let i = first + step - 1; i >= 0; i--) owner[i] = owner[i] < 0 ? i : owner[owner[i]];
    this.roots.set(owner.subarray(0, first));
    this.at = step;
  }

  get left() { return this.first - this.at; }

  rootAt(row, column) { return this.roots[this.segments[row * this.columns + column]]; }

  size(region) { return this.sums[4 * region + 3]; }

  paint(out) {                                            // mean colours, with dark borders between regions
    const { rows, columns, segments, roots, sums } = this, border = 0xff1c1c1c;
    for (let r = 0, i = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++, i++) {
        const root = roots[segments[i]];
        if ((c + 1 < columns && roots[segments[i + 1]] !== root) || (r + 1 < rows && roots[segments[i + columns]] !== root)) { out[i] = border; continue; }
        const at = 4 * root, count = sums[at + 3];
        out[i] = (255 << 24 | sums[at + 2] / count << 16 | sums[at + 1] / count << 8 | sums[at] / count) >>> 0;
      }
    }
  }
}
