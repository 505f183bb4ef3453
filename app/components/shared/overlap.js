// Intersection over union of two boxes [x1, y1, x2, y2]: the areas in square pixels and the ratio, 0 where there is no area.
export function overlapOf(a, b) {
  const left = Math.max(a[0], b[0]), top = Math.max(a[1], b[1]), right = Math.min(a[2], b[2]), bottom = Math.min(a[3], b[3]);
  const shared = Math.max(right - left, 0) * Math.max(bottom - top, 0);
  const areaA = (a[2] - a[0]) * (a[3] - a[1]), areaB = (b[2] - b[0]) * (b[3] - b[1]), union = areaA + areaB - shared;
  return { areaA, areaB, shared, union, iou: union > 0 ? shared / union : 0, meets: shared > 0 ? [left, top, right, bottom] : null };
}

export function shapeOverlap(widthA, heightA, widthB, heightB) {   // IoU of two boxes laid on the same centre
  const shared = Math.min(widthA, widthB) * Math.min(heightA, heightB);
  return shared / (widthA * heightA + widthB * heightB - shared);
}
