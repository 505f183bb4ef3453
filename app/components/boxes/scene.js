// The boxes in play, what suppression does with them round by round, and what each looks like at a step.
// Steps: 0 every candidate, 1 those above the threshold, 2 … R + 1 a round each, R + 2 the result.
import { ratioOf, softRounds, suppressionRounds } from "./suppression.js";

export class Scene {
  // boxes: Float32Array (4·M), scores: Float32Array (M), labels: Int32Array (M); settings: score, iou, inclusive, per_class, soft, sigma
  constructor(boxes, scores, labels, settings) {
    Object.assign(this, { boxes, scores, labels, settings });
    const index = [], threshold = Math.fround(settings.score);
    for (let i = 0; i < scores.length; i++) if (scores[i] > threshold) index.push(i);
    this.index = index;
    const part = { boxes: new Float32Array(4 * index.length), scores: new Float32Array(index.length), labels: new Int32Array(index.length) };
    index.forEach((i, at) => { part.boxes.set(boxes.subarray(4 * i, 4 * i + 4), 4 * at); part.scores[at] = scores[i]; part.labels[at] = labels[i]; });
    this.part = part;
    this.rounds = suppressionRounds(part.boxes, part.scores, part.labels, settings.iou, { inclusive: settings.inclusive, perClass: settings.per_class })
      .map(({ kept, suppressed, iou }) => ({ kept: index[kept], suppressed: suppressed.map((i) => index[i]), iou }));
    this.decided = new Int32Array(scores.length);         // the round that decided a box, from 1; 0: below the threshold
    this.keeper = new Int32Array(scores.length).fill(-1);
    this.rounds.forEach(({ kept, suppressed }, r) => { for (const i of [kept, ...suppressed]) { this.decided[i] = r + 1; this.keeper[i] = kept; } });
    this.soft = settings.soft === "none" ? null : this.softened();
  }

  get steps() { return this.rounds.length + 3; }
  get last() { return this.rounds.length + 2; }
  get kept() { return this.rounds.map(({ kept }) => kept); }

  softened() {
    const { settings, part, index } = this;
    const found = softRounds(part.boxes, part.scores, part.labels, { method: settings.soft, sigma: settings.sigma, threshold: settings.iou, perClass: settings.per_class });
    const final = new Map(Array.from(found.scores, (score, at) => [index[at], score]));
    return { final, rounds: found.rounds.map((one) => ({ ...one, kept: index[one.kept], lowered: one.lowered.map((i) => index[i]) })) };
  }

  get softKept() {                                        // boxes whose score is still above the threshold at the end
    return this.soft ? this.index.filter((i) => this.soft.final.get(i) > this.settings.score) : [];
  }

  softScores(step) {                                      // Map of scores after the rounds up to a step
    const scores = new Map(this.index.map((i) => [i, this.scores[i]]));
    this.soft.rounds.slice(0, step >= this.last ? undefined : Math.max(step - 1, 0)).forEach(({ lowered, after }) => lowered.forEach((i, at) => scores.set(i, after[at])));
    return scores;
  }

  roundAt(step) { return step >= 2 && step < this.last ? this.rounds[step - 2] : null; }

  box(i) { return Array.from(this.boxes.subarray(4 * i, 4 * i + 4)); }

  ratio(i, j) {
    const pair = new Float32Array([...this.box(i), ...this.box(j)]);
    const areas = [0, 4].map((at) => Math.fround(Math.fround(pair[at + 2] - pair[at]) * Math.fround(pair[at + 3] - pair[at + 1])));
    return ratioOf(pair, areas, 0, 1);
  }

  // What becomes of box i at a step: "below", "open", "kept", "now" (kept in this round), "goes" (in this round), "gone".
  fate(i, step) {
    const decided = this.decided[i], keeps = this.keeper[i] === i, round = step - 1;
    if (!decided) return "below";
    if (step < 2) return "open";
    if (step >= this.last) return keeps ? "kept" : "gone";
    if (decided > round) return "open";
    if (decided === round) return keeps ? "now" : "goes";
    return keeps ? "kept" : "gone";
  }

  // Boxes of the kept one's class that were still in play in a round and overlap it, most first: [index, IoU].
  met(step) {
    const round = this.roundAt(step);
    if (!round) return [];
    const found = [];
    for (const i of this.index) {
      if (i === round.kept || this.decided[i] < step - 1 || (this.settings.per_class && this.labels[i] !== this.labels[round.kept])) continue;
      const ratio = this.ratio(round.kept, i);
      if (ratio > 0) found.push([i, ratio]);
    }
    return found.sort((a, b) => b[1] - a[1]);
  }
}
