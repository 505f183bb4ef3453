// What layers cost and which weight joins what: the same numbers as cnn/convolution/connections.py.
export function connectionCounts({ height, width, channels, hidden, f, filters }) {
  const inputs = height * width * channels, patch = f * f * channels;
  return { inputs, fully: inputs * hidden, locally: hidden * patch, convolution: patch + 1, all: filters * (patch + 1) };
}

export function connectionsOf(kind, size, kernel) {         // rows of outputs: the weight's number for each input, −1 for none
  const outputs = size - kernel + 1;
  return Array.from({ length: outputs }, (_, o) => Array.from({ length: size }, (__, i) => {
    if (kind === "fully_connected") return o * size + i;
    const offset = i - o;
    if (offset < 0 || offset >= kernel) return -1;
    return kind === "convolution" ? offset : offset + kernel * o;
  }));
}

export function stackOf(compare, c) {                       // [the stack, what it is compared with], layers as [height, width, in, out]
  const narrow = Math.floor(c / 4);
  if (compare === "seven") return [[[3, 3, c, c], [3, 3, c, c], [3, 3, c, c]], [[7, 7, c, c]]];
  if (compare === "factorised") return [[[1, 3, c, c], [3, 1, c, c]], [[3, 3, c, c]]];
  return [[[1, 1, c, narrow], [3, 3, narrow, narrow], [1, 1, narrow, c]], [[3, 3, c, c]]];
}

export function stackCost(layers) {
  const weights = layers.map(([h, w, before, after]) => h * w * before * after);
  const field = [0, 1].map((axis) => 1 + layers.reduce((sum, layer) => sum + layer[axis] - 1, 0));
  return { weights, total: weights.reduce((a, b) => a + b, 0), field, pair: layers.reduce((sum, [h, w]) => sum + h * w, 0), bends: layers.length };
}
