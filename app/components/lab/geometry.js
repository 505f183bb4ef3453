// Where things lie: which pixels an output cell reads, which cells use a pixel, and how maps line up with the picture.

// geometry: {size: [H, W], outputs: [H', W'], kernel, stride, padding: [t, b, l, r], dilation, mode}
export function spanOf(geometry, axis) { return geometry.dilation[axis] * (geometry.kernel - 1) + 1; }

export function tapsOf(geometry, axis, index) {           // input coordinates that output `index` reads on an axis
  const first = index * geometry.stride[axis] - geometry.padding[2 * axis];
  return Array.from({ length: geometry.kernel }, (_, tap) => first + tap * geometry.dilation[axis]);
}

export function sourceOf(place, size, mode) {             // pixel whose value stands at `place`; −1: the padding's own value
  if (place >= 0 && place < size) return place;
  if (mode === "reflect") return place < 0 ? -place : 2 * (size - 1) - place;
  if (mode === "replicate") return place < 0 ? 0 : size - 1;
  if (mode === "circular") return ((place % size) + size) % size;
  return -1;
}

export function usersOf(geometry, axis, pixel) {          // output indices that read `pixel`, also through the padding
  const size = geometry.size[axis], before = geometry.padding[2 * axis], after = geometry.padding[2 * axis + 1];
  const places = [pixel], found = new Set();
  for (let step = 1; step <= before; step++) if (sourceOf(-step, size, geometry.mode) === pixel) places.push(-step);
  for (let step = 0; step < after; step++) if (sourceOf(size + step, size, geometry.mode) === pixel) places.push(size + step);
  for (const place of places) {
    for (let tap = 0; tap < geometry.kernel; tap++) {
      const index = (place + before - tap * geometry.dilation[axis]) / geometry.stride[axis];
      if (Number.isInteger(index) && index >= 0 && index < geometry.outputs[axis]) found.add(index);
    }
  }
  return [...found].sort((a, b) => a - b);
}

export function paddedAffine(geometry) { return { x: -geometry.padding[2], y: -geometry.padding[0], width: 1, height: 1 }; }

export function mapAffine(geometry) {                     // a cell lies in the middle of the patch it reads, one stride wide
  const [height, width] = geometry.stride;
  return { x: -geometry.padding[2] + (spanOf(geometry, 1) - width) / 2, y: -geometry.padding[0] + (spanOf(geometry, 0) - height) / 2,
    width, height };
}

export function poolAffine(geometry, pooling) {
  const map = mapAffine(geometry), shift = (pooling.size - pooling.stride) / 2 - pooling.padding;
  return { x: map.x + shift * map.width, y: map.y + shift * map.height, width: map.width * pooling.stride, height: map.height * pooling.stride };
}

export function poolWindow(pooling, row, column, rows, columns) {     // [first row, row end, first column, column end], inside the map
  const top = row * pooling.stride - pooling.padding, left = column * pooling.stride - pooling.padding;
  return [Math.max(top, 0), Math.min(top + pooling.size, rows), Math.max(left, 0), Math.min(left + pooling.size, columns)];
}

export function poolCellOf(pooling, row, column) {        // a pooled cell whose window holds the map cell, or null
  const place = [row, column].map((at, axis) => {
    const last = Math.min(Math.floor((at + pooling.padding) / pooling.stride), pooling.outputs[axis] - 1);
    return at < last * pooling.stride - pooling.padding + pooling.size ? last : -1;
  });
  return place.includes(-1) ? null : place;
}

export function sizeFormula(n, before, after, kernel, stride, dilation, outputs) {    // with the numbers in it
  const padded = before === after ? (before ? `${n} + 2·${before}` : `${n}`) : `${n} + ${before} + ${after}`;
  const span = dilation > 1 ? `${dilation}·${kernel - 1} − 1` : `${kernel}`;       // d·(f − 1) + 1
  return stride > 1 ? `⌊(${padded} − ${span}) / ${stride}⌋ + 1 = ${outputs}` : `${padded} − ${span} + 1 = ${outputs}`;
}
