// A part of a picture drawn large without smoothing.
export function visiblePart([x1, y1, x2, y2], [width, height]) {   // a box cut at the picture's edge: what lies in the padding is nothing to see
  return [Math.max(x1, 0), Math.max(y1, 0), Math.min(x2, width), Math.min(y2, height)];
}

export function drawCrop(canvas, source, box, [left, top, width, height]) {   // source: image; left, top: where the picture lies in it
  const [x1, y1, x2, y2] = visiblePart(box, [width, height]), ratio = window.devicePixelRatio || 1;
  const wide = x2 - x1, tall = y2 - y1, side = (canvas.clientWidth || 120) * ratio;
  canvas.width = canvas.height = Math.round(side);
  if (wide <= 0 || tall <= 0) return;
  const scale = side / Math.max(wide, tall), pen = canvas.getContext("2d");
  pen.imageSmoothingEnabled = scale < 1;
  pen.drawImage(source, left + x1, top + y1, wide, tall, (side - wide * scale) / 2, (side - tall * scale) / 2, wide * scale, tall * scale);
}

export function canvasOf(image) {                        // {data, shape (C, H, W)} → a canvas with the picture
  const [channels, height, width] = image.shape, count = height * width, { data } = image;
  const canvas = document.createElement("canvas");
  canvas.width = width; canvas.height = height;
  const pen = canvas.getContext("2d"), pixels = new ImageData(width, height);
  for (let i = 0; i < count; i++) for (let c = 0; c < 4; c++) pixels.data[4 * i + c] = c === 3 ? 255 : data[channels === 3 ? c * count + i : i];
  pen.putImageData(pixels, 0, 0);
  return canvas;
}
