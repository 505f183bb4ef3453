// Both ways' scores of every window: kept, compared, turned into probabilities.
export function softmaxAt(scores, classes, count, at) {   // scores (K, count) laid out class by class; null where one is missing
  let most = -Infinity, sum = 0;
  for (let k = 0; k < classes; k++) most = Math.max(most, scores[k * count + at]);
  const out = new Float64Array(classes);
  for (let k = 0; k < classes; k++) { out[k] = Math.exp(scores[k * count + at] - most); sum += out[k]; }
  for (let k = 0; k < classes; k++) out[k] /= sum;
  return Number.isFinite(sum) ? out : null;
}

export class Comparison {
  // once: Float32Array (K·R·S) of the one pass; rows of crops follow one by one
  constructor(id, once, classes, [rows, columns]) {
    Object.assign(this, { id, once, classes, rows, columns, count: rows * columns, seconds: 0, arrived: 0 });
    this.crops = new Float32Array(once.length).fill(NaN);
    this.onceHeat = this.heatOf(once);
    this.cropHeat = new Array(this.count).fill(null);
  }

  heatOf(scores) { return Array.from({ length: this.count }, (_, at) => softmaxAt(scores, this.classes, this.count, at)); }

  get complete() { return this.arrived === this.rows; }

  addRow(row, scores, seconds) {                          // scores: (K, S)
    if (row !== this.arrived) return;
    for (let k = 0; k < this.classes; k++) this.crops.set(scores.subarray(k * this.columns, (k + 1) * this.columns), k * this.count + row * this.columns);
    for (let column = 0; column < this.columns; column++) { const at = row * this.columns + column; this.cropHeat[at] = softmaxAt(this.crops, this.classes, this.count, at); }
    this.seconds += seconds; this.arrived += 1;
  }

  get strongestClass() {
    let best = 0, most = -1;
    for (const heat of this.onceHeat) heat.forEach((value, k) => { if (value > most) { most = value; best = k; } });
    return best;
  }

  strongestWindow(label) {
    let best = 0;
    this.onceHeat.forEach((heat, at) => { if (heat[label] > this.onceHeat[best][label]) best = at; });
    return best;
  }

  // Largest difference of the logits so far, whether that is no more than float32 rounding, and how often the best class agrees.
  verdict() {
    let difference = 0, most = 1, agree = 0, seen = 0;
    for (let at = 0; at < this.arrived * this.columns; at++) {
      let own = 0, other = 0;
      for (let k = 0; k < this.classes; k++) {
        const place = k * this.count + at;
        difference = Math.max(difference, Math.abs(this.crops[place] - this.once[place]));
        most = Math.max(most, Math.abs(this.crops[place]));
        if (this.crops[place] > this.crops[own * this.count + at]) own = k;
        if (this.once[place] > this.once[other * this.count + at]) other = k;
      }
      seen += 1; agree += own === other ? 1 : 0;
    }
    return { difference, same: difference <= 1e-4 * most, agree: seen ? agree / seen : 0 };
  }
}
