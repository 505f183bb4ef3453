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

// labels: {data, shape (h, w)}; 255: none, the picture stays. opacity 0..1. contours: where the class is another one `reach`
// pixels away, and no fill: as cnn/segmentation/colours.py does. hidden: by class, those that are left bare.
export function paintOverlay(image, labels, colours, opacity, out, { contours = false, hidden = null } = {}) {
  const [channels, height, width] = image.shape, { data } = image, count = height * width;
  const g = channels === 3 ? count : 0, b = 2 * g, [rows, columns] = labels.shape;
  const down = gridPlaces(height, rows), across = gridPlaces(width, columns);
  const part = Math.round(opacity * 256), reach = Math.max(1, Math.round(Math.max(height, width) / 400));
  const held = (at, size) => Math.min(Math.max(at, 0), size - 1);
  for (let y = 0, i = 0; y < height; y++) {
    const line = down[y] * columns, above = down[held(y - reach, height)] * columns, below = down[held(y + reach, height)] * columns;
    for (let x = 0; x < width; x++, i++) {
      const column = across[x], label = labels.data[line + column];
      let share = label === 255 || hidden?.[label] ? 0 : part;
      if (contours && !hidden?.[label]) {
        share = labels.data[above + column] !== label || labels.data[below + column] !== label
          || labels.data[line + across[held(x - reach, width)]] !== label || labels.data[line + across[held(x + reach, width)]] !== label ? 256 : 0;
      }
      if (!share) { out[i] = (255 << 24 | data[i + b] << 16 | data[i + g] << 8 | data[i]) >>> 0; continue; }
      const colour = colours[label], rest = 256 - share;
      const red = data[i] * rest + colour[0] * share >> 8, green = data[i + g] * rest + colour[1] * share >> 8, blue = data[i + b] * rest + colour[2] * share >> 8;
      out[i] = (255 << 24 | blue << 16 | green << 8 | red) >>> 0;
    }
  }
}
