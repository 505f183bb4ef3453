// The numbers of heat maps: a layer's map at the picture's size as PyTorch gives it, entries of the colour scale, blending.
import { SCALES } from "../shared/colours.js";

// Bilinear, align_corners=False: F.interpolate(raw, size=(height, width), mode="bilinear")
export function upsampled(raw, rows, columns, height, width) {
  const out = new Float32Array(height * width), across = places(width, columns);
  const down = places(height, rows);
  for (let y = 0, i = 0; y < height; y++) {
    const [top, bottom, low] = down[y];
    for (let x = 0; x < width; x++, i++) {
      const [left, right, part] = across[x];
      const above = raw[top * columns + left] * (1 - part) + raw[top * columns + right] * part;
      const below = raw[bottom * columns + left] * (1 - part) + raw[bottom * columns + right] * part;
      out[i] = above * (1 - low) + below * low;
    }
  }
  return out;
}

function places(length, from) {                         // for each output place [first, second, share of the second]
  const scale = from / length;
  return Array.from({ length }, (_, i) => {
    const at = Math.max((i + 0.5) * scale - 0.5, 0), first = Math.min(Math.floor(at), from - 1);
    return [first, Math.min(first + 1, from - 1), at - first];
  });
}

export function inBlocks(raw, rows, columns, height, width) {   // every unit as the block of pixels it stands for
  const out = new Float32Array(height * width);
  for (let y = 0, i = 0; y < height; y++) {
    const line = Math.min(Math.floor(y * rows / height), rows - 1) * columns;
    for (let x = 0; x < width; x++, i++) out[i] = raw[line + Math.min(Math.floor(x * columns / width), columns - 1)];
  }
  return out;
}

export function largest(data) {                          // of the absolute values
  let most = 0;
  for (let i = 0; i < data.length; i++) { const size = Math.abs(data[i]); if (size > most) most = size; }
  return most;
}

export function quantile(data, share) {                  // of the absolute values: where the colours end for maps with few bright pixels
  const sizes = Float32Array.from(data, Math.abs).sort();
  return sizes[Math.min(Math.floor(share * sizes.length), sizes.length - 1)] || largest(data);
}

// raw: a layer's map with its signs. Unsigned: rectified, at the picture's size, as Grad-CAM is defined.
export function camHeat(raw, rows, columns, height, width, { signed, blocks }) {
  const shown = signed ? raw : raw.map((value) => Math.max(value, 0));
  const data = (blocks ? inBlocks : upsampled)(shown, rows, columns, height, width);
  return { data, limit: largest(data), signed };
}

export function pixelHeat(data, signed) { return { data, limit: quantile(data, 0.995), signed }; }

export function entriesOf({ data, limit, signed }) {     // 0..255; 128 is zero where signed
  const out = new Uint8Array(data.length), factor = (signed ? 127 : 255) / (limit || 1);
  for (let i = 0; i < data.length; i++) {
    const entry = signed ? Math.floor(data[i] * factor + 128.5) : Math.floor(Math.max(data[i], 0) * factor + 0.5);
    out[i] = Math.min(Math.max(entry, signed ? 1 : 0), 255);
  }
  return out;
}

// 256 packed colours with their cover: opacity · v^(2 − 2 · opacity), so that nothing hides where nothing is
export function coveredColours(signed, opacity) {
  const lut = signed ? SCALES.signed : SCALES.magnitude, out = new Uint32Array(256);
  for (let i = 0; i < 256; i++) {
    const size = signed ? Math.min(Math.abs(i - 128) / 127, 1) : i / 255;
    const cover = Math.round(255 * opacity * size ** (2 - 2 * opacity));
    out[i] = ((lut[i] & 0xffffff) | cover << 24) >>> 0;
  }
  return out;
}

export function paintEntries(entries, colours, out) { for (let i = 0; i < entries.length; i++) out[i] = colours[entries[i]]; }
