// The pictures and numbers of a run that have come so far; pictures are decoded when they are looked at.
const DECODED = 16;

export class FrameStore {
  constructor(ready) { this.ready = ready; this.reset(""); }

  reset(run) {
    for (const bitmap of this.bitmaps?.values() || []) bitmap?.close?.();
    this.run = run; this.rows = []; this.frames = new Map(); this.bitmaps = new Map(); this.stride = 1; this.places = new Map();
  }

  get last() { return this.rows.length ? this.rows[this.rows.length - 1].step : 0; }
  get steps() { return [...this.frames.keys()]; }

  take(news, arrays) {
    this.stride = news.stride;
    for (const row of news.rows) if (row.step > this.last) { this.places.set(row.step, this.rows.length); this.rows.push(row); }
    for (const step of news.frames) {
      const newest = this.newest;
      if (newest && (newest - 1) % this.stride && newest < step) { this.frames.delete(newest); this.bitmaps.delete(newest); }
      this.frames.set(step, new Blob([arrays[`frame${step}`].data.slice()], { type: "image/jpeg" }));
    }
  }

  get newest() { let last = 0; for (const step of this.frames.keys()) last = Math.max(last, step); return last; }

  nearest(step) {                                           // the kept picture at or before a step; null: the newest
    if (step === null) return this.newest;
    let best = 0, first = 0;
    for (const kept of this.frames.keys()) { if (!first || kept < first) first = kept; if (kept <= step && kept > best) best = kept; }
    return best || first;
  }

  row(step) { return this.rows[this.places.get(step)] || null; }

  bitmap(step) {                                            // null until it is decoded; then `ready` is called
    if (this.bitmaps.has(step)) return this.bitmaps.get(step);
    const blob = this.frames.get(step), { run } = this;
    if (!blob) return null;
    this.bitmaps.set(step, null);
    createImageBitmap(blob).then((bitmap) => {
      if (this.run !== run || !this.bitmaps.has(step)) { bitmap.close(); return; }
      this.bitmaps.set(step, bitmap);
      for (const old of [...this.bitmaps.keys()].slice(0, -DECODED)) this.bitmaps.delete(old);
      this.ready();
    }).catch(() => this.bitmaps.delete(step));
    return null;
  }
}
