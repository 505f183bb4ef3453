// A picture with a line across it that uncovers another behind it: dragged, or moved by the arrow keys; colours under the pointer.
export class WipeCanvas {
  // box: what bounds the width. point(x, y, [r, g, b]) with x, y in 0..1, or point(null): left.
  constructor(box, canvas, point) {
    Object.assign(this, { box, canvas, point });
    this.pen = canvas.getContext("2d", { willReadFrequently: true });
    this.wipe = 0; this.dragging = false; this.front = null; this.behind = null;
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(box);
    const move = (event) => {
      const bounds = canvas.getBoundingClientRect(), x = (event.clientX - bounds.left) / bounds.width, y = (event.clientY - bounds.top) / bounds.height;
      if (this.dragging) { this.wipe = Math.min(Math.max(x, 0), 1); this.draw(); }
      this.read(x, y);
    };
    canvas.onpointerdown = (event) => { this.dragging = true; canvas.setPointerCapture(event.pointerId); move(event); };
    canvas.onpointermove = move;
    canvas.onpointerup = canvas.onpointercancel = () => { this.dragging = false; if (this.wipe < 0.02) { this.wipe = 0; this.draw(); } };
    canvas.onpointerleave = () => point(null);
    canvas.onkeydown = (event) => {
      const by = { ArrowLeft: -0.05, ArrowRight: 0.05, Home: -1, End: 1 }[event.key];
      if (!by) return;
      event.preventDefault();
      this.wipe = Math.min(Math.max(this.wipe + by, 0), 1);
      this.draw();
    };
  }

  // front, behind: what drawImage takes, or null; shape: width over height; veil: how much of the last front stays (0..1)
  show(front, behind, shape, veil = 0) { Object.assign(this, { front, behind, shape, veil }); this.draw(); this.veil = 0; }

  draw() {
    const { canvas, pen, front, behind, shape } = this;
    if (!shape || !this.box.clientWidth || !(front || behind)) return;
    const room = Math.max(window.innerHeight * 0.62, 280), width = Math.max(Math.round(Math.min(this.box.clientWidth, room * shape)), 1);
    const height = Math.max(Math.round(width / shape), 1), ratio = window.devicePixelRatio || 1;
    const wide = Math.round(width * ratio), tall = Math.max(Math.round(height * ratio), 1);
    if (canvas.width !== wide || canvas.height !== tall) { canvas.width = wide; canvas.height = tall; }
    canvas.style.width = `${width}px`; canvas.style.height = `${height}px`;
    pen.imageSmoothingQuality = "high";
    pen.globalAlpha = 1 - (this.veil || 0);
    pen.drawImage(front || behind, 0, 0, wide, tall);
    pen.globalAlpha = 1;
    if (!behind) return;
    const edge = Math.round(this.wipe * wide);
    if (edge > 0) { pen.save(); pen.beginPath(); pen.rect(0, 0, edge, tall); pen.clip(); pen.drawImage(behind, 0, 0, wide, tall); pen.restore(); }
    pen.fillStyle = "rgb(255 255 255 / .9)"; pen.fillRect(Math.max(edge - ratio, 0), 0, 2 * ratio, tall);
    pen.beginPath(); pen.arc(Math.min(Math.max(edge, 7 * ratio), wide - 7 * ratio), tall / 2, 6 * ratio, 0, 7); pen.fill();
    pen.strokeStyle = "rgb(0 0 0 / .55)"; pen.lineWidth = ratio; pen.stroke();
  }

  read(x, y) {
    const { canvas } = this;
    if (!(x >= 0 && y >= 0 && x < 1 && y < 1) || !canvas.width) { this.point(null); return; }
    this.point(x, y, this.pen.getImageData(Math.floor(x * canvas.width), Math.floor(y * canvas.height), 1, 1).data);
  }

  close() { this.observer.disconnect(); }
}
