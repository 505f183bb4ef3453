// Pictures of several style networks put together: the mean by shares, and the photo's colours kept if wanted.
const YIQ = [[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]];

export function inverse3(m) {
  const [[a, b, c], [d, e, f], [g, h, i]] = m, A = e * i - f * h, B = f * g - d * i, C = d * h - e * g, det = a * A + b * B + c * C;
  return [[A, c * h - b * i, b * f - c * e], [B, a * i - c * g, c * d - a * f], [C, b * g - a * h, a * e - b * d]].map((row) => row.map((value) => value / det));
}

const BACK = inverse3(YIQ);

// pictures: RGBA bytes of one size; shares: numbers, not all 0; content: RGBA bytes whose colours are kept, or null → RGBA bytes
export function blended(pictures, shares, content, out) {
  const total = shares.reduce((sum, share) => sum + share, 0), parts = pictures.map((data, i) => [data, shares[i] / total]).filter(([, share]) => share > 0);
  for (let at = 0; at < out.length; at += 4) {
    let r = 0, g = 0, b = 0;
    for (const [data, share] of parts) { r += share * data[at]; g += share * data[at + 1]; b += share * data[at + 2]; }
    if (content) {
      const light = YIQ[0][0] * Math.round(r) + YIQ[0][1] * Math.round(g) + YIQ[0][2] * Math.round(b);
      const cr = content[at], cg = content[at + 1], cb = content[at + 2];
      const i = YIQ[1][0] * cr + YIQ[1][1] * cg + YIQ[1][2] * cb, q = YIQ[2][0] * cr + YIQ[2][1] * cg + YIQ[2][2] * cb;
      r = BACK[0][0] * light + BACK[0][1] * i + BACK[0][2] * q;
      g = BACK[1][0] * light + BACK[1][1] * i + BACK[1][2] * q;
      b = BACK[2][0] * light + BACK[2][1] * i + BACK[2][2] * q;
    }
    out[at] = r; out[at + 1] = g; out[at + 2] = b; out[at + 3] = 255;      // a clamped array rounds and cuts
  }
  return out;
}
