// Non-max suppression in the browser, in torchvision's own arithmetic (float32, rounded after every operation), so that
// what stays is what torchvision.ops.batched_nms keeps, ties and rounding included.
const f32 = Math.fround;
const CLASS_BY_CLASS_ABOVE = 1000;                        // boxes: from here on torchvision's CPU code treats each class by itself

function sortedBest(scores) {                             // indices by falling score; equal scores in their order
  return Array.from(scores, (_, i) => i).sort((i, j) => scores[j] - scores[i] || i - j);
}

function movedApart(boxes, labels) {                      // each class away from all others, with torchvision's rounding
  let most = -Infinity;
  for (const value of boxes) if (value > most) most = value;
  const apartness = f32(most + 1), out = new Float32Array(boxes.length);
  for (let i = 0; i < labels.length; i++) {
    const shift = f32(labels[i] * apartness);
    for (let c = 0; c < 4; c++) out[4 * i + c] = f32(boxes[4 * i + c] + shift);
  }
  return out;
}

function areaOf(boxes, i) { return f32(f32(boxes[4 * i + 2] - boxes[4 * i]) * f32(boxes[4 * i + 3] - boxes[4 * i + 1])); }

export function ratioOf(boxes, areas, i, j) {             // IoU of boxes i and j in float32; NaN where neither has an area
  const a = 4 * i, b = 4 * j, right = boxes[a + 2] < boxes[b + 2] ? boxes[a + 2] : boxes[b + 2], left = boxes[a] > boxes[b] ? boxes[a] : boxes[b];
  if (right <= left) return areas[i] + areas[j] === 0 ? NaN : 0;
  const bottom = boxes[a + 3] < boxes[b + 3] ? boxes[a + 3] : boxes[b + 3], top = boxes[a + 1] > boxes[b + 1] ? boxes[a + 1] : boxes[b + 1];
  if (bottom <= top) return areas[i] + areas[j] === 0 ? NaN : 0;
  const width = f32(right - left), height = f32(bottom - top);
  const shared = f32(width * height);
  return f32(shared / f32(f32(areas[i] + areas[j]) - shared));
}

// boxes: Float32Array (4·N), scores: Float32Array (N), labels: Int32Array (N). inclusive: an IoU of the threshold goes too.
// Returns rounds, best first: {kept, suppressed: [index], iou: [value]}.
export function suppressionRounds(boxes, scores, labels, threshold, { inclusive = false, perClass = true } = {}) {
  const order = sortedBest(scores), count = scores.length;
  const apart = perClass && count > 0 && count <= CLASS_BY_CLASS_ABOVE;
  const used = apart ? movedApart(boxes, labels) : boxes;
  const areas = Float32Array.from(scores, (_, i) => areaOf(used, i)), level = f32(threshold);
  const groups = perClass && !apart ? [...new Set(labels)].map((label) => order.filter((i) => labels[i] === label)) : [order];
  const place = new Int32Array(count), rounds = [];
  order.forEach((i, at) => { place[i] = at; });
  for (let alive of groups) {
    while (alive.length) {                                // the best one left is kept; whoever stays meets the next
      const kept = alive[0], suppressed = [], iou = [], stay = [];
      for (let at = 1; at < alive.length; at++) {
        const other = alive[at], ratio = ratioOf(used, areas, kept, other);
        if (ratio > threshold || (inclusive && ratio === level)) { suppressed.push(other); iou.push(ratio); } else stay.push(other);
      }
      rounds.push({ kept, suppressed, iou });
      alive = stay;
    }
  }
  return groups.length > 1 ? rounds.sort((a, b) => place[a.kept] - place[b.kept]) : rounds;
}

// Soft-NMS: overlapping boxes of the class lose score. Returns rounds {kept, score, lowered, before, after} and the final scores (N).
export function softRounds(boxes, scores, labels, { method = "gaussian", threshold = 0.3, sigma = 0.5, least = 0.001, perClass = true } = {}) {
  const rest = Float64Array.from(scores), left = Uint8Array.from(scores, (score) => (score > least ? 1 : 0)), rounds = [];
  const areas = Float32Array.from(scores, (_, i) => areaOf(boxes, i));
  for (;;) {
    let best = -1;
    for (let i = 0; i < rest.length; i++) if (left[i] && (best < 0 || rest[i] > rest[best])) best = i;
    if (best < 0) return { rounds, scores: rest };
    left[best] = 0;
    const step = { kept: best, score: rest[best], lowered: [], iou: [], before: [], after: [] };
    for (let i = 0; i < rest.length; i++) {
      if (!left[i] || (perClass && labels[i] !== labels[best])) continue;
      const ratio = ratioOf(boxes, areas, best, i);
      if (!(ratio > 0) || (method === "linear" && ratio < threshold)) continue;
      step.lowered.push(i); step.iou.push(ratio); step.before.push(rest[i]);
      rest[i] *= method === "gaussian" ? Math.exp(-ratio * ratio / sigma) : 1 - ratio;
      step.after.push(rest[i]);
      if (rest[i] <= least) left[i] = 0;
    }
    rounds.push(step);
  }
}
