// Boxes [x1, y1, x2, y2] in pixels of the picture: which part of one is under the pointer, and where dragging takes it.
export const HANDLES = ["nw", "n", "ne", "e", "se", "s", "sw", "w"];

export function within(value, low, high) { return Math.min(Math.max(value, low), high); }

export function snapped(value, step) { return Math.round(value / step) * step; }

export function handlePlace([x1, y1, x2, y2], handle) {
  const x = handle.includes("w") ? x1 : handle.includes("e") ? x2 : (x1 + x2) / 2;
  const y = handle.includes("n") ? y1 : handle.includes("s") ? y2 : (y1 + y2) / 2;
  return [x, y];
}

export function handleAt(box, x, y, reach) {              // the nearest handle within reach (corners first), or null
  let found = null, least = reach;
  for (const handle of ["nw", "ne", "se", "sw", "n", "e", "s", "w"]) {
    const [atX, atY] = handlePlace(box, handle), far = Math.max(Math.abs(atX - x), Math.abs(atY - y));
    if (far < least) { least = far; found = handle; }
  }
  return found;
}

export function boxAt(boxes, x, y, slack = 0) {           // the smallest box under a point, or −1
  let found = -1, least = Infinity;
  boxes.forEach(({ box: [x1, y1, x2, y2] }, i) => {
    const area = (x2 - x1) * (y2 - y1);
    if (x >= x1 - slack && x <= x2 + slack && y >= y1 - slack && y <= y2 + slack && area < least) { least = area; found = i; }
  });
  return found;
}

export function movedBox([x1, y1, x2, y2], right, down, [height, width], step) {   // whole steps, inside the picture
  const dx = within(snapped(right, step), -x1, width - x2), dy = within(snapped(down, step), -y1, height - y2);
  return [x1 + dx, y1 + dy, x2 + dx, y2 + dy];
}

export function resizedBox([x1, y1, x2, y2], handle, x, y, [height, width], step) {   // corners may cross; at least one step wide
  const atX = within(snapped(x, step), 0, width), atY = within(snapped(y, step), 0, height);
  const across = span(handle.includes("w") ? [x2, atX] : handle.includes("e") ? [x1, atX] : null, x1, x2, width, step);
  const along = span(handle.includes("n") ? [y2, atY] : handle.includes("s") ? [y1, atY] : null, y1, y2, height, step);
  return [across[0], along[0], across[1], along[1]];
}

function span(moved, low, high, limit, step) {
  if (!moved) return [low, high];
  const [fixed, at] = moved;
  if (at === fixed) return fixed + step <= limit ? [fixed, fixed + step] : [fixed - step, fixed];
  return at < fixed ? [at, fixed] : [fixed, at];
}
