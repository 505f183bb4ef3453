// Convolution along a sound, zeros around it, and of three frames of a video: float64 sums of float32 numbers.
export function convolveSequence(samples, weight) {          // as long as the sound; weight of an odd length
  const half = (weight.length - 1) / 2, out = new Float32Array(samples.length);
  for (let i = 0; i < samples.length; i++) {
    const first = Math.max(0, half - i), last = Math.min(weight.length, samples.length + half - i);
    let sum = 0;
    for (let j = first; j < last; j++) sum += weight[j] * samples[i + j - half];
    out[i] = sum;
  }
  return out;
}

export function convolveFrames(frames, [, height, width], at, weight) {   // around frame `at`; weight 27 → (height − 2)·(width − 2)
  const tall = height - 2, wide = width - 2, out = new Float64Array(tall * wide), area = height * width;
  for (let t = 0; t < 3; t++) {
    for (let u = 0; u < 3; u++) {
      for (let v = 0; v < 3; v++) {
        const factor = weight[t * 9 + u * 3 + v];
        if (!factor) continue;
        const shift = (at - 1 + t) * area + u * width + v;
        for (let y = 0; y < tall; y++) {
          const from = shift + y * width, to = y * wide;
          for (let x = 0; x < wide; x++) out[to + x] += factor * frames[from + x];
        }
      }
    }
  }
  return out;
}

export function wavOf(samples, rate) {                       // 16 bits, one channel
  const bytes = new ArrayBuffer(44 + 2 * samples.length), view = new DataView(bytes), text = (at, word) => [...word].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
  text(0, "RIFF"); view.setUint32(4, 36 + 2 * samples.length, true); text(8, "WAVEfmt "); view.setUint32(16, 16, true); view.setUint16(20, 1, true); view.setUint16(22, 1, true);
  view.setUint32(24, rate, true); view.setUint32(28, 2 * rate, true); view.setUint16(32, 2, true); view.setUint16(34, 16, true); text(36, "data"); view.setUint32(40, 2 * samples.length, true);
  for (let i = 0; i < samples.length; i++) view.setInt16(44 + 2 * i, Math.max(-32768, Math.min(32767, Math.round(samples[i] * 32768))), true);
  return bytes;
}
