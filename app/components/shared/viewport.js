// What part of the input all panels of a row look at, in input pixels; zoom 1 shows it whole. Shared, so panels stay aligned.
export class Viewport {
  constructor(onChange) { this.onChange = onChange; this.bounds = [0, 0, 1, 1]; this.reset(); }

  fitTo(left, top, width, height) {
    const next = [left, top, width, height];
    if (next.every((value, i) => value === this.bounds[i])) return;
    const wasWhole = this.zoom === 1;
    this.bounds = next;
    if (wasWhole) this.reset(); else this.clamp();
  }

  reset() {
    this.zoom = 1;
    this.x = this.bounds[0] + this.bounds[2] / 2;
    this.y = this.bounds[1] + this.bounds[3] / 2;
  }

  get mostZoom() { return Math.max(1, Math.max(this.bounds[2], this.bounds[3]) / 4); }

  clamp() {
    this.zoom = Math.min(Math.max(this.zoom, 1), this.mostZoom);
    for (const [axis, place, size] of [["x", 0, 2], ["y", 1, 3]]) {
      const half = this.bounds[size] / this.zoom / 2, low = this.bounds[place], high = low + this.bounds[size];
      this[axis] = Math.min(Math.max(this[axis], low + half), high - half);
    }
  }

  zoomBy(factor, x = this.x, y = this.y) {             // the input point (x, y) stays where it is
    const before = this.zoom;
    this.zoom = Math.min(Math.max(this.zoom * factor, 1), this.mostZoom);
    const kept = before / this.zoom;
    this.x = x + (this.x - x) * kept;
    this.y = y + (this.y - y) * kept;
    this.clamp();
    this.onChange();
  }

  moveTo(x, y) { this.x = x; this.y = y; this.clamp(); this.onChange(); }

  follow(left, top, right, bottom) {                   // bring a box into sight; says whether anything moved
    const halfWidth = this.bounds[2] / this.zoom / 2, halfHeight = this.bounds[3] / this.zoom / 2;
    let { x, y } = this;
    if (left < x - halfWidth) x = left + halfWidth; else if (right > x + halfWidth) x = right - halfWidth;
    if (top < y - halfHeight) y = top + halfHeight; else if (bottom > y + halfHeight) y = bottom - halfHeight;
    if (x === this.x && y === this.y) return false;
    this.moveTo(x, y);
    return true;
  }

  transform(width, height) {                           // canvas pixel = (input − origin) · scale
    const scale = Math.min(width / this.bounds[2], height / this.bounds[3]) * this.zoom;
    return { scale, left: this.x - width / 2 / scale, top: this.y - height / 2 / scale };
  }
}
