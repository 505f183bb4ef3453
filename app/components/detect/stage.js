// The picture with what was found: masks, boxes, key points, tags; what is pointed at stands out, in the table too.
import { make } from "../shared/dom.js";
import { pastedMask } from "./found.js";

const POINT_FLOOR = 2;                                 // of a key point's score, a logit: as cnn/detection/drawing.py

export class DetectStage {
  constructor(root, hooks) {                           // hooks: point(place | null), pick(place | null)
    this.hooks = hooks;
    this.canvas = make("canvas", { class: "detect-canvas", role: "img" });
    this.pen = this.canvas.getContext("2d");
    this.tints = new Map();
    root.append(this.canvas);
    this.canvas.addEventListener("pointermove", (event) => hooks.point(this.placeAt(event)));
    this.canvas.addEventListener("pointerleave", () => hooks.point(null));
    this.canvas.addEventListener("click", (event) => hooks.pick(this.placeAt(event)));
    this.watcher = new ResizeObserver(() => this.draw());
    this.watcher.observe(root);
    this.root = root;
  }

  // image: anything that drawImage takes; found: Candidates; chosen: what select() gave; look: {tags, lost, colours, skeleton, active}
  show(image, found, chosen, look) {
    if (found !== this.found) this.tints.clear();
    Object.assign(this, { image, found, chosen, look });
    return this.draw();
  }

  draw() {                                             // → milliseconds
    const { image, found, chosen, pen, look } = this, start = performance.now();
    if (!image || !found) return 0;
    const [height, width] = found.size, ratio = window.devicePixelRatio || 1;
    const room = this.root.clientWidth, shown = Math.max(80, Math.min(room, Math.max(320, window.innerHeight * 0.7) * width / height));
    const scale = this.scale = shown / width, wide = Math.round(shown * ratio), tall = Math.round(height * scale * ratio);
    if (this.canvas.width !== wide || this.canvas.height !== tall) {
      this.canvas.width = wide; this.canvas.height = tall;
      this.canvas.style.width = `${shown}px`; this.canvas.style.height = `${height * scale}px`;
    }
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.imageSmoothingQuality = "high";
    pen.drawImage(image, 0, 0, shown, height * scale);
    if (look.lost) this.drawLost();
    const order = [...chosen.kept].reverse(), { active } = look;
    if (active !== null && order.includes(active)) { order.splice(order.indexOf(active), 1); order.push(active); }
    const dim = active !== null && chosen.kept.includes(active);
    for (const place of order) this.drawOne(place, dim && place !== active);
    if (look.tags) for (const place of order) this.drawTag(place, dim && place !== active);
    return performance.now() - start;
  }

  colour(place) { const [r, g, b] = this.look.colours[this.found.labels[place] % this.look.colours.length]; return [r, g, b]; }

  drawLost() {
    const { pen, scale } = this;
    pen.setLineDash([3, 3]); pen.lineWidth = 1;
    for (const { place } of this.chosen.lost) {
      const [x1, y1, x2, y2] = this.found.boxOf(place).map((value) => value * scale), [r, g, b] = this.colour(place);
      pen.strokeStyle = `rgb(${r} ${g} ${b} / .75)`;
      pen.strokeRect(x1, y1, x2 - x1, y2 - y1);
    }
    pen.setLineDash([]);
  }

  drawOne(place, dim) {
    const { pen, scale, found } = this, [x1, y1, x2, y2] = found.boxOf(place).map((value) => value * scale), [r, g, b] = this.colour(place);
    const kept = found.instances.get(place), active = place === this.look.active;
    pen.globalAlpha = dim ? 0.35 : 1;
    if (kept?.patch) {
      const tint = this.tintOf(place, kept.patch, [r, g, b]);
      if (tint.canvas) pen.drawImage(tint.canvas, tint.left * scale, tint.top * scale, tint.width * scale, tint.height * scale);
    }
    if (active) { pen.fillStyle = `rgb(${r} ${g} ${b} / .18)`; pen.fillRect(x1, y1, x2 - x1, y2 - y1); }
    pen.lineWidth = active ? 6 : 4; pen.strokeStyle = "rgb(255 255 255 / .8)"; pen.strokeRect(x1, y1, x2 - x1, y2 - y1);
    pen.lineWidth = active ? 4 : 2; pen.strokeStyle = `rgb(${r} ${g} ${b})`; pen.strokeRect(x1, y1, x2 - x1, y2 - y1);
    if (kept?.points) this.drawFigure(kept, [r, g, b]);
    pen.globalAlpha = 1;
  }

  tintOf(place, patch, [r, g, b]) {                    // made once for a box
    if (this.tints.has(place)) return this.tints.get(place);
    const mask = pastedMask(patch, this.found.boxOf(place), this.found.size);
    if (mask.width && mask.height) {
      const image = new ImageData(mask.width, mask.height), words = new Uint32Array(image.data.buffer), word = (115 << 24 | b << 16 | g << 8 | r) >>> 0;
      for (let i = 0; i < words.length; i++) if (mask.inside[i]) words[i] = word;
      mask.canvas = new OffscreenCanvas(mask.width, mask.height);
      mask.canvas.getContext("2d").putImageData(image, 0, 0);
    }
    this.tints.set(place, mask);
    return mask;
  }

  drawFigure({ points, pointScores }, [r, g, b]) {
    const { pen, scale, found } = this, at = new Map();
    found.keypoints.forEach((name, i) => { if (pointScores[i] > POINT_FLOOR) at.set(name, [points[3 * i] * scale, points[3 * i + 1] * scale]); });
    pen.lineWidth = 3; pen.strokeStyle = `rgb(${r} ${g} ${b})`;
    for (const [first, second] of this.look.skeleton) {
      if (!at.has(first) || !at.has(second)) continue;
      pen.beginPath(); pen.moveTo(...at.get(first)); pen.lineTo(...at.get(second)); pen.stroke();
    }
    for (const [x, y] of at.values()) { pen.beginPath(); pen.arc(x, y, 4, 0, 7); pen.fillStyle = "#fff"; pen.fill(); pen.beginPath(); pen.arc(x, y, 2.6, 0, 7); pen.fillStyle = pen.strokeStyle; pen.fill(); }
  }

  drawTag(place, dim) {
    const { pen, scale, found } = this, [x, y] = found.boxOf(place).map((value) => value * scale), [r, g, b] = this.colour(place);
    const text = `${found.categories[found.labels[place]] ?? found.labels[place]} ${found.scores[place].toFixed(2)}`;
    pen.globalAlpha = dim ? 0.35 : 1;
    const small = this.canvas.clientWidth < 520, tall = small ? 13 : 17;
    pen.font = `600 ${small ? 9.5 : 12}px system-ui, sans-serif`; pen.textBaseline = "middle"; pen.textAlign = "left";
    const width = pen.measureText(text).width + (small ? 4 : 8), top = Math.max(0, y - tall), left = Math.min(Math.max(x - 1, 0), Math.max(0, this.canvas.clientWidth - width));
    pen.fillStyle = `rgb(${r} ${g} ${b})`; pen.fillRect(left, top, width, tall);
    pen.fillStyle = 0.3 * r + 0.59 * g + 0.11 * b > 128 ? "#101216" : "#fff"; pen.fillText(text, left + (small ? 2 : 4), top + tall / 2 + 0.5);
    pen.globalAlpha = 1;
  }

  placeAt(event) {                                     // the smallest box under the pointer
    if (!this.found || !this.chosen) return null;
    const x = event.offsetX / this.scale, y = event.offsetY / this.scale;
    let best = null, least = Infinity;
    for (const place of this.chosen.kept) {
      const [x1, y1, x2, y2] = this.found.boxOf(place), area = (x2 - x1) * (y2 - y1);
      if (x >= x1 && x <= x2 && y >= y1 && y <= y2 && area < least) { best = place; least = area; }
    }
    return best;
  }

  describe(text) { if (this.canvas.getAttribute("aria-label") !== text) this.canvas.setAttribute("aria-label", text); }

  close() { this.watcher.disconnect(); }
}
