// A picture's candidates, thresholded and suppressed here: the arithmetic of torchvision.ops.batched_nms in float32, so that a
// slider gives, to the box, what the network's own post-processing would (tests/app/test_detect_js.py).
const VANILLA_ABOVE = 1000;                            // boxes: from here on torchvision treats each class by itself
const f32 = Math.fround;

export class Candidates {
  // header: "candidates" of a block (cnn/detection/record.py); arrays: boxes, scores, labels, and masks or key points
  constructor(header, arrays) {
    Object.assign(this, header);
    this.boxes = arrays.boxes.data; this.scores = arrays.scores.data; this.labels = arrays.labels.data;
    this.count = this.scores.length;
    this.instances = new Map();
    this.addInstances(arrays);
  }

  addInstances(arrays) {                               // masks or key points of some candidates
    if (!arrays.index) return;
    const { data } = arrays.index, patches = arrays.patches, points = arrays.points;
    data.forEach((place, row) => {
      if (patches) { const size = patches.shape[1] * patches.shape[2]; this.instances.set(place, { patch: patches.data.slice(row * size, (row + 1) * size) }); }
      if (points) {
        const many = points.shape[1];
        this.instances.set(place, { points: points.data.slice(row * many * 3, (row + 1) * many * 3), pointScores: arrays.point_scores.data.slice(row * many, (row + 1) * many) });
      }
    });
  }

  get hasInstances() { return this.masks || this.keypoints.length > 0; }

  boxOf(place) {                                       // x1 y1 x2 y2 in pixels of the picture, cut at its borders
    const [height, width] = this.size, [across, down] = this.ratio.map(f32), at = 4 * place, { boxes } = this;
    const cut = (value, most) => Math.min(Math.max(value, 0), most);
    return [cut(f32(boxes[at] * across), width), cut(f32(boxes[at + 1] * down), height), cut(f32(boxes[at + 2] * across), width), cut(f32(boxes[at + 3] * down), height)];
  }

  // → {kept: places, best first; lost: [{place, by, iou}]; above: candidates over the score threshold}
  select(score, iou, hidden) {
    const level = f32(score), limit = iou || this.iou, gone = new Set(hidden), places = [];
    let above = 0;
    for (let i = 0; i < this.count; i++) {
      if (!(this.scores[i] > level)) break;            // best first
      above += 1;
      if (!gone.has(this.labels[i])) places.push(i);
    }
    const { kept, lost } = suppressed(this.boxes, this.labels, places, limit);
    return { kept: kept.slice(0, this.limit), lost, above };
  }
}

export function suppressed(boxes, labels, places, limit) {   // greedy, from the best down, each class by itself
  const n = places.length, shift = n <= VANILLA_ABOVE, moved = new Float32Array(4 * n), areas = new Float32Array(n);
  let most = -Infinity;
  if (shift) for (const place of places) for (let c = 0; c < 4; c++) most = Math.max(most, boxes[4 * place + c]);
  const apart = f32(most + 1);
  places.forEach((place, i) => {
    const offset = shift ? f32(labels[place] * apart) : 0;
    for (let c = 0; c < 4; c++) moved[4 * i + c] = f32(boxes[4 * place + c] + offset);
    areas[i] = f32(f32(moved[4 * i + 2] - moved[4 * i]) * f32(moved[4 * i + 3] - moved[4 * i + 1]));
  });
  const owner = new Int32Array(n).fill(-1), kept = [], lost = [];
  for (let i = 0; i < n; i++) {
    if (owner[i] >= 0) continue;
    kept.push(places[i]);
    for (let j = i + 1; j < n; j++) {
      if (owner[j] >= 0 || labels[places[j]] !== labels[places[i]]) continue;
      const w = Math.max(0, f32(Math.min(moved[4 * i + 2], moved[4 * j + 2]) - Math.max(moved[4 * i], moved[4 * j])));
      const h = Math.max(0, f32(Math.min(moved[4 * i + 3], moved[4 * j + 3]) - Math.max(moved[4 * i + 1], moved[4 * j + 1])));
      const shared = f32(w * h), union = f32(f32(areas[i] + areas[j]) - shared), ratio = union === 0 ? NaN : f32(shared / union);
      if (ratio > limit) { owner[j] = i; lost.push({ place: places[j], by: places[i], iou: ratio }); }
    }
  }
  return { kept, lost };
}

// A mask's 28 × 28 probabilities as torchvision pastes them: → {left, top, width, height, inside: Uint8Array} in pixels of the picture
export function pastedMask(patch, box, size, side = 28) {
  const [height, width] = size, wide = side + 2, scale = wide / side;
  const middleX = (box[0] + box[2]) / 2, middleY = (box[1] + box[3]) / 2, halfX = (box[2] - box[0]) / 2 * scale, halfY = (box[3] - box[1]) / 2 * scale;
  const x1 = Math.trunc(middleX - halfX), y1 = Math.trunc(middleY - halfY), x2 = Math.trunc(middleX + halfX), y2 = Math.trunc(middleY + halfY);
  const w = Math.max(x2 - x1 + 1, 1), h = Math.max(y2 - y1 + 1, 1);
  const left = Math.max(x1, 0), top = Math.max(y1, 0), right = Math.min(x2 + 1, width), bottom = Math.min(y2 + 1, height);
  const out = { left, top, width: Math.max(0, right - left), height: Math.max(0, bottom - top) };
  out.inside = new Uint8Array(out.width * out.height);
  const at = (row, column) => (row < 1 || column < 1 || row > side || column > side ? 0 : patch[(row - 1) * side + column - 1] / 255);
  const source = (place, length) => { const value = Math.max((place + 0.5) * wide / length - 0.5, 0), low = Math.min(Math.floor(value), wide - 1); return [low, Math.min(low + 1, wide - 1), value - low]; };
  for (let y = top; y < bottom; y++) {
    const [r0, r1, down] = source(y - y1, h);
    for (let x = left; x < right; x++) {
      const [c0, c1, across] = source(x - x1, w);
      const value = (at(r0, c0) * (1 - across) + at(r0, c1) * across) * (1 - down) + (at(r1, c0) * (1 - across) + at(r1, c1) * across) * down;
      if (value > 0.5) out.inside[(y - top) * out.width + x - left] = 1;
    }
  }
  return out;
}
