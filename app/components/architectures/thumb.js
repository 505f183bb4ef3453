// Small maps beside a layer: a few channels side by side, magnified without smoothing.
import { SCALES } from "../shared/colours.js";
import { make } from "../shared/dom.js";

const LUTS = { signed: SCALES.signed, magnitude: SCALES.magnitude };

export function thumbPixels(thumb, bytes) {              // one ImageData for each map (one in colour for a picture)
  const { at, n, h, w, kind } = thumb, count = h * w, tiles = [];
  for (let tile = 0; tile < (kind === "picture" ? 1 : n); tile++) {
    const image = new ImageData(w, h), out = new Uint32Array(image.data.buffer), from = at + tile * count;
    if (kind === "picture") for (let i = 0; i < count; i++) out[i] = (255 << 24 | bytes[at + 2 * count + i] << 16 | bytes[at + count + i] << 8 | bytes[at + i]) >>> 0;
    else for (let i = 0; i < count; i++) out[i] = LUTS[kind][bytes[from + i]];
    tiles.push(image);
  }
  return tiles;
}

export function thumbCanvas(thumb, bytes, height, mostWide) {   // null: nothing was run there
  if (!thumb) return make("span", { class: "no-thumb" }, "–");
  const tiles = thumbPixels(thumb, bytes), line = thumb.h < 6 && thumb.w > 8;
  const tall = line ? Math.min(thumb.h * 6, height) : height, wide = Math.round(line ? mostWide : height * thumb.w / thumb.h), gap = 2;
  const shown = tiles.slice(0, Math.max(1, Math.floor((mostWide + gap) / (wide + gap))));
  const canvas = make("canvas", { class: "thumb-maps", "aria-hidden": "true" }), ratio = window.devicePixelRatio || 1;
  const width = shown.length * (wide + gap) - gap;
  canvas.width = width * ratio; canvas.height = tall * ratio;
  canvas.style.width = `${width}px`; canvas.style.height = `${tall}px`;
  const pen = canvas.getContext("2d");
  pen.imageSmoothingEnabled = false;
  shown.forEach((image, i) => {
    const source = new OffscreenCanvas(image.width, image.height);
    source.getContext("2d").putImageData(image, 0, 0);
    pen.drawImage(source, i * (wide + gap) * ratio, 0, wide * ratio, tall * ratio);
  });
  return canvas;
}
