// The classes of a video's frame as cnn/segmentation/video_frames.py writes them: size, colours, then runs of equal labels.
export function labelsOfRuns(bytes) {                     // {labels: {data, shape}, colours}
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const rows = view.getUint16(0, true), columns = view.getUint16(2, true), count = view.getUint8(4);
  const colours = [];
  for (let i = 0; i < count; i++) colours.push([bytes[5 + 3 * i], bytes[6 + 3 * i], bytes[7 + 3 * i]]);
  const data = new Uint8Array(rows * columns);
  let place = 0;
  for (let at = 5 + 3 * count; at + 2 < bytes.length; at += 3) {
    const length = bytes[at + 1] | bytes[at + 2] << 8;
    data.fill(bytes[at], place, place + length);
    place += length;
  }
  return { labels: { data, shape: [rows, columns] }, colours };
}

export function planarOf(rgba, width, height) {           // canvas pixels as {data (3, H, W), shape}
  const count = width * height, data = new Uint8Array(3 * count);
  for (let i = 0, k = 0; i < count; i++, k += 4) { data[i] = rgba[k]; data[count + i] = rgba[k + 1]; data[2 * count + i] = rgba[k + 2]; }
  return { data, shape: [3, height, width] };
}

export function countedLabels(labels, count) {            // pixels of each class
  const found = new Float64Array(count);
  for (const label of labels.data) found[label] += 1;
  return found;
}

export function objectColour(number, total) {             // neighbours in number lie far apart in hue
  const hue = number * 0.618034 % 1 * 6, sector = Math.floor(hue), part = hue - sector, light = 150 + 90 * (number % 3) / 2;
  const low = light * 0.28, up = low + (light - low) * part, down = light - (light - low) * part;
  const colour = [[light, up, low], [down, light, low], [low, light, up], [low, down, light], [up, low, light], [light, low, down]][sector % 6];
  return total ? colour.map(Math.round) : [0, 0, 0];
}
