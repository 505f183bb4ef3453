// The picture as the network sees it with the chosen unit's field on it, and the chosen channel large beside it.
import { paintMap } from "../shared/colours.js";
import { plainNumber, shortNumber } from "../shared/numbers.js";
import { Views } from "../receptive_field/views.js";

export class UnitViews extends Views {
  get room() { return Math.max(Math.min(window.innerHeight * 0.4, 380), 220); }

  showSeen(image, { mode, heat, map, scale, overhang }) {   // mode: "box", "heat", "map" or "plain"
    if (mode !== "map" || !map) { this.showPicture(image, mode === "heat" ? heat : null, overhang); return; }
    this.showPicture(image, null, overhang);
    const [channels, height, width] = image.shape, colours = new Uint32Array(map.data.length);
    paintMap(map.data, colours, scale);
    const content = this.picture.plane;
    content.setContent({ rows: height, columns: width, affine: content.affine, decorate: content.decorate, paint: (out) => {
      const count = height * width, g = channels === 3 ? count : 0;
      for (let y = 0; y < height; y++) {
        const row = Math.min(Math.floor((y + 0.5) * map.rows / height), map.rows - 1);
        for (let x = 0; x < width; x++) {
          const i = y * width + x, at = row * map.columns + Math.min(Math.floor((x + 0.5) * map.columns / width), map.columns - 1);
          const part = Math.min(0.85, 0.15 + Math.abs(map.data[at]) / (scale.limit || 1)), colour = colours[at];
          const gray = (image.data[i] + image.data[i + g] + image.data[i + 2 * g]) / 3 * (1 - part);
          const mix = (shift) => Math.round(gray + part * (colour >> shift & 255));
          out[i] = (255 << 24 | mix(16) << 16 | mix(8) << 8 | mix(0)) >>> 0;
        }
      }
    } });
  }

  showChannel(map, scale) {                                // map: {data, rows, columns}
    const { data, rows, columns } = map;
    this.map.viewport.fitTo(0, 0, columns, rows);
    this.map.plane.setContent({ rows, columns, affine: { x: 0, y: 0, width: 1, height: 1 },
      paint: (out) => paintMap(data, out, scale), numbersAt: (row, column) => [shortNumber(data[row * columns + column])],
      decorate: (pen, plane) => { pen.strokeStyle = "rgb(128 128 128 / .6)"; pen.lineWidth = 1; pen.strokeRect(...plane.boxOf(0, 0, rows, columns)); } });
  }

  drawAlone(row, column) {                                 // a unit whose field is not known
    this.picture.plane.clearOver();
    this.map.plane.clearOver();
    this.map.plane.outline(row, column, 1, 1, this.accent, { least: 7 });
  }
}

export function scaleFor(low, high) {                      // signed around zero where there are negative values
  if (low < 0) { const limit = Math.max(-low, high) || 1; return { kind: "signed", limit, low: -limit, high: limit }; }
  return { kind: "magnitude", limit: high || 1, low: 0, high: high || 1 };
}

export function valueText(value) { return Number.isFinite(value) ? (Math.abs(value) >= 1e5 || (value && Math.abs(value) < 1e-4) ? value.toExponential(4).replace("-", "−") : plainNumber(value, 5)) : String(value); }
