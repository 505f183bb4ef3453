// The convolution matrix, transposed convolution step by step, and a large picture from a small one: as in cnn/convolution.
export function matrixOf(weight, size, stride, padding) {   // weight: k rows; size × size pixels → {rows, columns, out, entries, sources}
  const kernel = weight.length, out = Math.floor((size + 2 * padding - kernel) / stride) + 1, rows = out * out, columns = size * size;
  const entries = new Array(rows * columns).fill(0), sources = new Array(rows * columns).fill(-1);
  for (let r = 0; r < rows; r++) {
    const top = Math.floor(r / out) * stride - padding, left = r % out * stride - padding;
    for (let c = 0; c < columns; c++) {
      const u = Math.floor(c / size) - top, v = c % size - left;
      if (u < 0 || v < 0 || u >= kernel || v >= kernel) continue;
      sources[r * columns + c] = u * kernel + v;
      entries[r * columns + c] = weight[u][v];
    }
  }
  return { rows, columns, out, entries, sources };
}

export function transposeOf({ rows, columns, entries, sources, out }) {
  const swap = (list) => Array.from({ length: list.length }, (_, i) => list[i % rows * columns + Math.floor(i / rows)]);
  return { rows: columns, columns: rows, out, entries: swap(entries), sources: swap(sources) };
}

export function product({ rows, columns, entries }, vector) {
  return Array.from({ length: rows }, (_, r) => { let sum = 0; for (let c = 0; c < columns; c++) sum += entries[r * columns + c] * vector[c]; return sum; });
}

// What every canvas element is made of after `count` input elements; the canvas has `extra` rows and columns more.
export function canvasOf(start, weight, stride, extra, count) {
  const small = start.length, kernel = weight.length, side = (small - 1) * stride + kernel + extra;
  const parts = Array.from({ length: side * side }, () => []);
  for (let step = 0; step < count; step++) {
    const row = Math.floor(step / small), column = step % small;
    for (let u = 0; u < kernel; u++) for (let v = 0; v < kernel; v++) parts[(row * stride + u) * side + column * stride + v].push([start[row][column], weight[u][v], step]);
  }
  return { side, parts, sums: parts.map((list) => list.reduce((sum, [value, factor]) => sum + value * factor, 0)) };
}

// small: {data, shape [C, h, w]}; weight: k·k numbers, k = 4·factor → Float32Array (C, h·factor, w·factor)
export function enlargedOf(small, weight, factor, cut) {
  const [channels, height, width] = small.shape, side = 4 * factor, margin = 2, tall = height * factor, wide = width * factor;
  const out = new Float32Array(channels * tall * wide);
  for (let c = 0; c < channels; c++) {
    for (let i = -margin; i < height + margin; i++) {
      const row = Math.min(Math.max(i, 0), height - 1), top = (i + margin) * factor - cut;
      for (let j = -margin; j < width + margin; j++) {
        const value = small.data[(c * height + row) * width + Math.min(Math.max(j, 0), width - 1)], left = (j + margin) * factor - cut;
        const lastRow = Math.min(side, tall - top), lastColumn = Math.min(side, wide - left), firstColumn = Math.max(0, -left);
        for (let u = Math.max(0, -top); u < lastRow; u++) {
          const to = (c * tall + top + u) * wide + left, from = u * side;
          for (let v = firstColumn; v < lastColumn; v++) out[to + v] += value * weight[from + v];
        }
      }
    }
  }
  return out;
}
