// A stack of layers as text, the same as cnn/convolution/layer_stack.py: "c3p1-m2-c5d2".
export const STACK_KINDS = { c: "conv", m: "max_pool", a: "avg_pool", t: "transposed", u: "upsample" };
export const MOST_STACKED = 24;

function usual(kind, size) { return { s: kind === "m" || kind === "a" ? size : 1, p: 0, d: 1 }; }

export function readStack(text) {                         // [{kind: letter, k, s, p, d}]; unreadable words are left out
  return text.split("-").flatMap((word) => {
    const match = word.match(/^([cmatu])(\d{1,2})((?:[spd]\d{1,2}){0,3})$/);
    if (!match) return [];
    const layer = { kind: match[1], k: Number(match[2]), ...usual(match[1], Number(match[2])) };
    for (const [, letter, number] of match[3].matchAll(/([spd])(\d+)/g)) layer[letter] = Number(number);
    return [layer];
  });
}

export function writeStack(layers) {
  return layers.map((layer) => {
    const plain = usual(layer.kind, layer.k);
    return layer.kind + layer.k + ["s", "p", "d"].map((name) => (layer[name] === plain[name] ? "" : name + layer[name])).join("");
  }).join("-");
}

export function freshLayer(kind) {
  const k = kind === "c" ? 3 : 2;
  return { kind, k, ...usual(kind, k), ...(kind === "t" ? { s: 2 } : {}) };
}
