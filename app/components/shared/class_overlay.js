// A picture under the colours of its pixels' classes; labels may be on a coarser grid than the picture (nearest).
export function paintPlain(image, out) {
  const [channels] = image.shape, { data } = image, count = out.length, g = channels === 3 ? count : 0, b = 2 * g;
  for (let i = 0; i < count; i++) out[i] = (255 << 24 | data[i + b] << 16 | data[i + g] << 8 | data[i]) >>> 0;
}

export function gridPlaces(from, to) {                   // for each of `from` rows the row of `to` that it falls in
  const places = new Int32Array(from);
  for (let i = 0; i < from; i++) places[i] = Math.floor(i * to / from);
  return places;
}

// labels: {data, shape (h, w)}; 255: none, the picture stays. opacity 0..1. contours: class borders drawn, no fill.
export function paintOverlay(image, labels, colours, opacity, out, { contours = false, hidden = null, only = -1 } = {}) {
  const [channels, height, width] = image.shape, { data } = image, count = height * width;
  const g = channels === 3 ? count : 0, b = 2 * g, [rows, columns] = labels.shape;
  const down = gridPlaces(height, rows), across = gridPlaces(width, columns);
  const part = Math.round(opacity * 256), rest = 256 - part;
  for (let y = 0, i = 0; y < height; y++) {
    const line = down[y] * columns, below = (y + 1 < height ? down[y + 1] : down[y]) * columns;
    for (let x = 0; x < width; x++, i++) {
      const label = labels.data[line + across[x]];
      let share = label === 255 || hidden?.[label] || (only >= 0 && label !== only) ? 0 : part;
      if (contours && share) {
        const next = x + 1 < width ? across[x + 1] : across[x];
        const border = labels.data[line + next] !== label || labels.data[below + across[x]] !== label;
        share = border ? 256 : 0;
      }
      const colour = share ? colours[label] : null, keep = share === 256 ? 0 : rest;
      const red = colour ? (data[i] * keep + colour[0] * share) >> 8 : data[i];
      const green = colour ? (data[i + g] * keep + colour[1] * share) >> 8 : data[i + g];
      const blue = colour ? (data[i + b] * keep + colour[2] * share) >> 8 : data[i + b];
      out[i] = (255 << 24 | blue << 16 | green << 8 | red) >>> 0;
    }
  }
}
