// Plays and scrubs a run (app/video_runs.py): frames and results come in chunks from /convscope/runs/<key>, while the run goes
// on and after it. The screen paints; this keeps frames at hand, the bar, the buttons, the progress, and the MP4.
import { fill, make } from "./dom.js";
import { setText } from "./numbers.js";
import { actOnRun, askRun, downloadRun } from "./video_upload.js";
import { unpack } from "./wire.js";

const PLAYER_CHUNK = 12, PLAYER_KEPT = 72, PLAYER_POLL = 400, PLAYER_AWAY = 1500;
const RUN_ENDS = ["finished", "cancelled", "failed"];

export class FramePlayer {
  // words: the screen's (with app/lessons/shell.toml's video_… in it); hooks:
  //   paint(frame): {index, number, seconds, image: ImageBitmap, result: Uint8Array}; called for each frame to show
  //   settings() → object that the MP4 is drawn with.  ended(state): the run is over.  name: file name of the MP4
  constructor(root, words, hooks) {
    Object.assign(this, { root, words, hooks, key: "", frames: new Map(), waiting: new Map(), available: 0, at: 0, playing: false, following: true });
    const button = (text, press, extra = {}) => make("button", { class: "cs-button", type: "button", onclick: press, ...extra }, text);
    this.playButton = button(words.video_play, () => this.toggle());
    this.bar = make("input", { type: "range", min: 0, max: 0, step: 1, value: 0, class: "video-bar", "aria-label": words.video_position, oninput: () => { this.pause(); this.following = false; this.show(Number(this.bar.value)); } });
    this.place = make("span", { class: "video-place" });
    this.note = make("span", { class: "video-note", role: "status" });
    this.stopButton = button(words.video_stop, () => this.act("stop"));
    this.fileButton = button(words.video_mp4, () => this.export(), { title: words.video_mp4_hint });
    this.meter = make("i"); this.meterBox = make("div", { class: "video-meter" }, this.meter);
    root.replaceChildren(make("div", { class: "video-line" }, this.playButton, this.bar, this.place), this.meterBox,
      make("div", { class: "video-line" }, this.note, this.stopButton, this.fileButton));
    root.classList.add("video-player");
  }

  follow(live, key) {                                  // begin with a run; the same key again only renews the token
    this.live = live;
    if (key === this.key) { if (this.gone) { this.gone = false; this.poll(); } return; }
    this.forget();
    Object.assign(this, { key, available: 0, at: 0, state: null, following: true, closed: false, asked: "", gone: false, away: false });
    this.bar.value = 0; this.bar.max = 0; this.shown = null;
    this.poll();
  }

  get done() { return Boolean(this.state) && RUN_ENDS.includes(this.state.state); }
  get exporting() { const made = this.state?.export; return Boolean(made) && !RUN_ENDS.includes(made.state); }

  async poll() {
    clearTimeout(this.timer);
    const { key } = this;
    if (!key || this.closed) return;
    await this.load(this.following ? Math.max(this.available - 1, 0) : this.at);
    if (key !== this.key || this.closed) return;
    const late = this.frames.get(this.at);                // its frame could not be fetched while the connection was away
    if (late && late !== this.shown) this.paint(late);
    clearTimeout(this.timer);
    if (!this.gone && (!this.done || this.exporting || this.away)) this.timer = setTimeout(() => this.poll(), this.away ? PLAYER_AWAY : PLAYER_POLL);
  }

  async load(from) {                                   // one chunk; asked for once at a time
    const chunk = Math.max(0, from), { key } = this;
    if (this.waiting.has(chunk)) return this.waiting.get(chunk);
    const work = this.fetched(key, chunk).finally(() => this.waiting.delete(chunk));
    this.waiting.set(chunk, work);
    return work;
  }

  async fetched(key, from) {
    let answer;
    try { answer = await askRun(this.live, key, { from, count: PLAYER_CHUNK }); } catch { answer = { status: 0 }; }
    if (key !== this.key) return;
    const away = !answer.buffer && answer.status !== 404; // the connection is lost, or not yet there again: it comes back
    if (away && !this.away) { clearTimeout(this.timer); this.timer = setTimeout(() => this.poll(), PLAYER_AWAY); }
    this.away = away;
    if (away) { setText(this.note, this.words.video_away); return; }
    if (!answer.buffer) { this.gone = true; setText(this.note, answer.error?.[this.words.language] || this.words.upload_failed); return; }
    const block = unpack(answer.buffer), { data } = block.arrays.data;
    let offset = 0;
    const made = block.frames.map(async (place, i) => {
      const start = offset, middle = start + place.picture, end = middle + place.result;
      offset = end;
      if (this.frames.has(from + i)) return;
      const image = await createImageBitmap(new Blob([data.subarray(start, middle)], { type: "image/jpeg" }));
      if (key !== this.key) { image.close(); return; }
      this.frames.set(from + i, { index: from + i, number: place.number, seconds: place.seconds, image, result: data.slice(middle, end) });
    });
    await Promise.all(made);
    if (key !== this.key) return;
    this.take(block);
  }

  take(block) {
    const first = !this.available && block.available, over = !this.done && RUN_ENDS.includes(block.state);
    this.available = Math.max(this.available, block.available);
    this.state = block; this.gone = false;
    this.bar.max = Math.max(0, this.available - 1);
    if (block.span > 0 && block.available > 1) this.pace = block.span / (block.available - 1);
    const target = this.following && !this.playing ? this.available - 1 : this.at;
    if (this.available && (first || this.following) && this.frames.has(target)) this.show(target);
    this.tell();
    if (over) {
      if (this.following) { this.following = false; this.show(0); }
      this.hooks.ended?.(block.state);
    }
  }

  show(index) {                                        // paints it when it is there; a newer wish replaces it
    if (!this.available) return;
    this.at = Math.min(Math.max(index, 0), this.available - 1);
    if (Number(this.bar.value) !== this.at) this.bar.value = String(this.at);
    const frame = this.frames.get(this.at);
    if (frame) this.paint(frame);
    else this.load(this.at).then(() => { const late = this.frames.get(this.at); if (late && late !== this.shown) this.paint(late); });
    for (let ahead = this.at + 1; ahead < Math.min(this.at + PLAYER_CHUNK, this.available); ahead += 1) {
      if (!this.frames.has(ahead)) { this.load(ahead); break; }
    }
    this.trim();
  }

  paint(frame) {
    this.shown = frame;
    this.hooks.paint(frame);
    setText(this.place, fill(this.words.video_place, { time: frame.seconds.toFixed(1), n: this.at + 1, of: this.available }));
  }

  repaint() { if (this.shown) this.paint(this.shown); }

  trim() {                                             // far from the place first
    if (this.frames.size <= PLAYER_KEPT) return;
    const far = [...this.frames.keys()].filter((i) => this.frames.get(i) !== this.shown).sort((a, b) => Math.abs(b - this.at) - Math.abs(a - this.at));
    for (const index of far.slice(0, this.frames.size - PLAYER_KEPT)) { this.frames.get(index).image.close(); this.frames.delete(index); }
  }

  toggle() { if (this.playing) this.pause(); else this.play(); }

  play() {
    if (this.available < 2) return;
    this.playing = true; this.following = false;
    if (this.at >= this.available - 1) this.show(0);
    setText(this.playButton, this.words.video_pause);
    let due = performance.now();
    const step = (now) => {
      if (!this.playing) return;
      const pace = 1000 * (this.pace || 0.1);
      if (now >= due && this.frames.has(this.at)) {
        due = Math.max(due + pace, now - pace);
        if (this.at >= this.available - 1) { if (this.done) { this.pause(); return; } } else if (this.frames.has(this.at + 1)) this.show(this.at + 1); else this.load(this.at + 1);
      }
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }

  pause() { this.playing = false; setText(this.playButton, this.words.video_play); }

  async act(action, parameters) {
    try { this.take({ ...this.state, ...(await actOnRun(this.live, this.key, action, parameters)) }); } catch { setText(this.note, this.words.upload_failed); }
    this.poll();
  }

  async export() {                                     // draws the MP4 with the settings of now; the file when it is ready
    const asked = JSON.stringify(this.hooks.settings?.() || {});
    if (this.state?.export?.ready && asked === this.asked) { await downloadRun(this.live, this.key, this.hooks.name || "convscope.mp4"); return; }
    this.asked = asked; this.wanted = true;
    await this.act("export", this.hooks.settings?.() || {});
  }

  tell() {
    const { state, words } = this, busy = !this.done, made = state.export;
    const seconds = state.eta === null || state.eta === undefined ? "" : ` · ${fill(words.video_left, { s: Math.ceil(state.eta) })}`;
    let note = "";
    if (state.error) note = state.error[words.language] || "";
    else if (state.state === "queued") note = fill(words.video_queued, { n: state.position });
    else if (busy && state.frame) note = fill(words.video_working, { n: state.frame, of: state.of, fps: state.speed.toFixed(1) }) + seconds;
    else if (busy) note = words.video_starting;
    else if (this.exporting) note = `${words.video_drawing} ${Math.round(100 * (made.progress || 0))} %`;
    else if (made?.error) note = made.error[words.language] || "";
    else if (state.frame) note = fill(state.full ? words.video_full : words.video_done, { n: state.frame, fps: state.speed.toFixed(1) });
    setText(this.note, note);
    const share = busy ? state.progress : this.exporting ? made.progress : null;
    this.meterBox.classList.toggle("busy", share !== null && share !== undefined);
    this.meter.style.width = `${100 * (share || 0)}%`;
    this.stopButton.classList.toggle("cs-hidden", !busy && !this.exporting);
    this.fileButton.disabled = busy || this.exporting || !this.available;
    this.playButton.disabled = this.available < 2;
    if (made?.ready && this.wanted) { this.wanted = false; downloadRun(this.live, this.key, this.hooks.name || "convscope.mp4"); }
  }

  forget() {
    clearTimeout(this.timer);
    this.pause();
    for (const frame of this.frames.values()) frame.image.close();
    this.frames.clear(); this.waiting.clear();
    this.shown = null; this.key = "";
  }

  close() { this.closed = true; this.forget(); }
}
