// How well the first k regions cover boxes that a person drew: the best overlap so far, box by box and on average.
import { overlapOf } from "../shared/overlap.js";

export const FOUND_FROM = 0.5;

export function coverage(boxes, targets) {                // boxes: flat (R, 4); targets: [[x1, y1, x2, y2]]
  const count = boxes.length / 4, mean = new Float32Array(count), best = targets.map(() => 0), found = targets.map(() => 0), at = targets.map(() => -1);
  const winners = targets.map(() => new Int32Array(count));
  for (let k = 0; k < count; k++) {
    const box = boxes.subarray(4 * k, 4 * k + 4);
    let sum = 0;
    targets.forEach((target, t) => {
      const { iou } = overlapOf(box, target);
      if (iou > best[t]) { best[t] = iou; at[t] = k; if (iou >= FOUND_FROM && !found[t]) found[t] = k + 1; }
      winners[t][k] = at[t];
      sum += best[t];
    });
    mean[k] = targets.length ? sum / targets.length : 0;
  }
  return { mean, winners, found, best };                  // found: how many regions until IoU ≥ 0.5; 0 never
}
