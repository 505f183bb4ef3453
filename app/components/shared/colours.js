// Colour scales as tables of 256 packed pixels, and painting of whole maps with them.
// The same meaning everywhere: signed values blue–white–red with white at zero; magnitudes viridis; pictures gray.
const BLUE_WHITE_RED = [[5, 48, 97], [33, 102, 172], [67, 147, 195], [146, 197, 222], [209, 229, 240], [247, 247, 247],
  [253, 219, 199], [244, 165, 130], [214, 96, 77], [178, 24, 43], [103, 0, 31]];
const VIRIDIS = [[68, 1, 84], [72, 36, 117], [65, 68, 135], [53, 95, 141], [42, 120, 142], [33, 145, 140], [34, 168, 132],
  [68, 191, 112], [122, 209, 81], [189, 223, 38], [253, 231, 37]];
const WHEEL = [[230, 74, 60], [214, 170, 30], [92, 190, 70], [38, 178, 190], [64, 96, 224], [180, 70, 200], [230, 74, 60]];

function stops(colours, at) {
  const place = at * (colours.length - 1), low = Math.min(Math.floor(place), colours.length - 2), part = place - low;
  return [0, 1, 2].map((c) => Math.round(colours[low][c] + part * (colours[low + 1][c] - colours[low][c])));
}

function table(colourAt) {
  const lut = new Uint32Array(256);
  for (let i = 0; i < 256; i++) { const [r, g, b] = colourAt(i); lut[i] = (255 << 24 | b << 16 | g << 8 | r) >>> 0; }
  return lut;
}

export const SCALES = {                               // signed: entry 128 is zero, 1 and 255 are ∓limit
  signed: table((i) => stops(BLUE_WHITE_RED, Math.min(Math.max((i - 1) / 254, 0), 1))),
  magnitude: table((i) => stops(VIRIDIS, i / 255)),
  gray: table((i) => [i, i, i]),
  wheel: table((i) => stops(WHEEL, i / 255)),
};

export function cssColour(lut, entry) {
  const packed = lut[entry];
  return `rgb(${packed & 255} ${packed >> 8 & 255} ${packed >> 16 & 255})`;
}

export function gradientCss(lut, first = 0) {
  const parts = [];
  for (let i = first; i < 256; i += 17) parts.push(cssColour(lut, Math.min(i, 255)));
  return `linear-gradient(to right, ${parts.join(",")})`;
}

export function signedEntry(value, limit) {
  const entry = Math.round(value * 127 / limit) + 128;
  return entry < 1 ? 1 : entry > 255 ? 255 : entry;
}

// scale: {kind: "signed" | "magnitude" | "gray" | "absolute", limit}. quantised: data are signed entries already.
export function paintMap(data, out, scale, quantised) {
  const count = data.length, limit = scale.limit || 1;
  if (scale.kind === "signed") {
    const lut = SCALES.signed;
    if (quantised) { for (let i = 0; i < count; i++) out[i] = lut[data[i]]; return; }
    const factor = 127 / limit;
    for (let i = 0; i < count; i++) {
      let entry = data[i] * factor + 128.5 | 0;       // + 0.5 and cut: rounds, as all entries are positive
      if (entry < 1) entry = 1; else if (entry > 255) entry = 255;
      out[i] = lut[entry];
    }
    return;
  }
  const lut = scale.kind === "gray" ? SCALES.gray : SCALES.magnitude;
  if (quantised) {
    for (let i = 0; i < count; i++) { const entry = Math.abs(data[i] - 128) * 2; out[i] = lut[entry > 255 ? 255 : entry]; }
    return;
  }
  const factor = 255 / limit;
  for (let i = 0; i < count; i++) {
    let entry = (data[i] < 0 ? (scale.kind === "absolute" ? -data[i] : 0) : data[i]) * factor + 0.5 | 0;
    if (entry > 255) entry = 255;
    out[i] = lut[entry];
  }
}

export function paintDirection(direction, magnitude, out, limit) {   // hue: direction in degrees; brightness: magnitude
  const lut = SCALES.wheel, factor = 255 / (limit || 1);
  for (let i = 0; i < direction.length; i++) {
    const packed = lut[direction[i] * (255 / 360) | 0];
    let light = magnitude[i] * factor | 0;
    if (light > 255) light = 255;
    out[i] = (255 << 24 | ((packed >> 16 & 255) * light >> 8) << 16 | ((packed >> 8 & 255) * light >> 8) << 8
      | ((packed & 255) * light >> 8)) >>> 0;
  }
}

export function paintPicture(data, out, channels, plane, range) {    // gray or RGB 0..255, or one plane; range for number matrices
  const count = out.length;
  if (range) {
    const spread = range[1] > range[0] ? 255 / (range[1] - range[0]) : 0, shift = plane * count;
    for (let i = 0; i < count; i++) out[i] = SCALES.gray[(data[shift + i] - range[0]) * spread + 0.5 | 0];
    return;
  }
  if (channels === 3 && plane < 0) {
    for (let i = 0, g = count, b = 2 * count; i < count; i++, g++, b++) out[i] = (255 << 24 | data[b] << 16 | data[g] << 8 | data[i]) >>> 0;
    return;
  }
  const shift = Math.max(plane, 0) * count;
  for (let i = 0; i < count; i++) out[i] = SCALES.gray[data[shift + i]];
}

export function largestSize(data) {                   // max |value|
  let most = 0;
  for (let i = 0; i < data.length; i++) { const size = data[i] < 0 ? -data[i] : data[i]; if (size > most) most = size; }
  return most;
}
