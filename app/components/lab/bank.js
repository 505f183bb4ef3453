// The bank of filters as the short text of a link (cnn/convolution/bank_text.py reads and writes the same).
export function parseBank(text) {
  return text.split(";").flatMap((item) => {
    let count = 1;
    const [name, ...parts] = item.split("~"), spec = { name, angle: 0, pair: "sobel", seed: 0, weights: "", bias: 0, operations: "" };
    for (const part of parts) {
      const rest = part.slice(1);
      if (part[0] === "a") spec.angle = Number(rest);
      else if (part[0] === "p") spec.pair = rest;
      else if (part[0] === "s") spec.seed = Number(rest);
      else if (part[0] === "b") spec.bias = Number(rest);
      else if (part[0] === "o") spec.operations = rest;
      else if (part[0] === "x") count = Math.min(Math.max(Math.round(Number(rest)) || 1, 1), 64);
      else if (part[0] === "w" || part[0] === "W") spec.weights = part;
    }
    return Array.from({ length: count }, (_, i) => ({ ...spec, seed: spec.seed + i }));
  });
}

export function formatBank(specs) {
  return specs.map((spec) => [spec.name, spec.angle ? `a${spec.angle}` : "", spec.name === "edge" ? `p${spec.pair}` : "", spec.seed ? `s${spec.seed}` : "",
    spec.name === "custom" ? spec.weights : "", spec.bias ? `b${spec.bias}` : "", spec.operations ? `o${spec.operations}` : ""].filter(Boolean).join("~")).join(";");
}

export function formatWeights(weights) {
  const written = weights.map((weight) => String(weight + 0)).join(",");
  if (weights.length <= 25 || written.length <= 4 * weights.length) return "w" + written;
  const bytes = new Uint8Array(new Float32Array(weights).buffer);
  return "W" + btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_");
}

export function resizedWeights(weights, from, to) {       // centred; one grid or three
  const grids = weights.length / (from * from), out = new Array(grids * to * to).fill(0);
  const shift = Math.floor((to - from) / 2);
  for (let grid = 0; grid < grids; grid++) {
    for (let row = 0; row < from; row++) for (let column = 0; column < from; column++) {
      const y = row + shift, x = column + shift;
      if (y >= 0 && x >= 0 && y < to && x < to) out[(grid * to + y) * to + x] = weights[(grid * from + row) * from + column];
    }
  }
  return out;
}

export function bankPreset(name) {                        // whole banks at one press
  const angles = (count, write) => Array.from({ length: count }, (_, i) => write(Math.round(1800 * i / count) / 10)).join(";");
  if (name === "pair") return { bank: "sobel_x;sobel_y" };
  if (name === "directions") return { bank: angles(8, (angle) => `edge~a${2 * angle}~psobel`) };
  if (name === "gabors") return { bank: angles(16, (angle) => (angle ? `gabor~a${angle}` : "gabor")), kernel_size: 11 };
  if (name === "named") return { bank: "identity;vertical;horizontal;sobel_x;scharr_x;laplacian;gaussian;box;sharpen;emboss" };
  return { bank: "random~x64" };
}
