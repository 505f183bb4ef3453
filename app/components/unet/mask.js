// A mask of true classes on the grid of the result: painted, uploaded or known; and how well a result agrees with it.
export const NO_CLASS = 255;

// The same numbers as cnn/segmentation/scores.py: IoU = both / (both + only one), Dice = 2·both / (predicted + in the mask).
export function maskScores(labels, mask, count) {
  const both = new Float64Array(count), predicted = new Float64Array(count), real = new Float64Array(count);
  let pixels = 0, right = 0;
  for (let i = 0; i < mask.length; i++) {
    const truth = mask[i], found = labels[i];
    if (truth === NO_CLASS) continue;
    pixels += 1; predicted[found] += 1; real[truth] += 1;
    if (truth === found) { both[found] += 1; right += 1; }
  }
  const classes = [];
  for (let label = 0; label < count; label++) {
    const either = predicted[label] + real[label];
    if (either) classes.push({ label, both: both[label], predictedOnly: predicted[label] - both[label], maskOnly: real[label] - both[label],
      iou: both[label] / (either - both[label]), dice: 2 * both[label] / either });
  }
  const mean = (name) => (classes.length ? classes.reduce((sum, one) => sum + one[name], 0) / classes.length : NaN);
  return { classes, meanIou: mean("iou"), meanDice: mean("dice"), accuracy: pixels ? right / pixels : NaN, pixels };
}

// pixels: RGBA of a mask file. Gray: class numbers (0, 1, … and 255 for "does not count"), or black and white for two classes.
// Coloured: the classes' own colours. Returns {mask} on a grid of rows × columns, or {error: "size" | "values" | "colours"}.
export function maskOfPixels(pixels, width, height, rows, columns, colours) {
  const count = colours.length, known = new Map(colours.map((colour, label) => [colour.join(), label]));
  const at = (row, column) => 4 * (Math.floor((row + 0.5) * height / rows) * width + Math.floor((column + 0.5) * width / columns));
  const ratio = width / height * rows / columns;
  if (ratio > 1.05 || ratio < 0.95) return { error: "size" };
  let gray = true, most = 0;
  for (let i = 0; i < pixels.length; i += 4) {
    if (pixels[i] !== pixels[i + 1] || pixels[i] !== pixels[i + 2]) { gray = false; break; }
    if (pixels[i] !== NO_CLASS && pixels[i] > most) most = pixels[i];
  }
  const blackAndWhite = gray && count === 2 && most === 0;  // nothing but 0 and 255: black is class 0, white class 1
  if (gray && most >= count) return { error: "values" };
  const mask = new Uint8Array(rows * columns);
  for (let row = 0, i = 0; row < rows; row++) for (let column = 0; column < columns; column++, i++) {
    const place = at(row, column);
    if (gray) mask[i] = blackAndWhite ? (pixels[place] ? 1 : 0) : pixels[place];
    else if (pixels[place + 3] < 128) mask[i] = NO_CLASS;
    else {
      const label = known.get([pixels[place], pixels[place + 1], pixels[place + 2]].join());
      mask[i] = label === undefined ? NO_CLASS : label;
      if (label === undefined && (pixels[place] || pixels[place + 1] || pixels[place + 2])) return { error: "colours" };
    }
  }
  return { mask };
}

export function paintDisc(mask, rows, columns, row, column, radius, value) {   // says whether anything changed
  let changed = false;
  const reach = Math.max(radius, 0.5);
  for (let r = Math.max(0, Math.ceil(row - reach)); r <= Math.min(rows - 1, row + reach); r++) {
    for (let c = Math.max(0, Math.ceil(column - reach)); c <= Math.min(columns - 1, column + reach); c++) {
      const place = r * columns + c;
      if ((r - row) ** 2 + (c - column) ** 2 <= reach * reach && mask[place] !== value) { mask[place] = value; changed = true; }
    }
  }
  return changed;
}

export function paintLine(mask, rows, columns, from, to, radius, value) {
  const steps = Math.max(1, Math.ceil(Math.hypot(to[0] - from[0], to[1] - from[1])));
  let changed = false;
  for (let i = 0; i <= steps; i++) {
    const row = Math.round(from[0] + (to[0] - from[0]) * i / steps), column = Math.round(from[1] + (to[1] - from[1]) * i / steps);
    changed = paintDisc(mask, rows, columns, row, column, radius, value) || changed;
  }
  return changed;
}
