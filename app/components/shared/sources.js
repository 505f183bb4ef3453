// Where frames come from: the picture, the camera or a video. The tabs, the camera's and the video's controls, shared by the
// screens that run live; each screen paints into its own stage.
import { CameraStream } from "./camera.js";
import { fill, make } from "./dom.js";
import { FramePlayer } from "./frame_player.js";
import { rememberRun, rememberedRun, takeOverRun } from "./kept_run.js";
import { setText } from "./numbers.js";
import { VIDEO_KINDS, sendVideo } from "./video_upload.js";

export class Sources {
  // root: an empty element; playerRoot: one below the stage. kind: the slug. words: with shell.toml's. options: camera's.
  // hooks: change(source): "picture" | "camera" | "video" was chosen
  //   parameters() → with every camera frame.  answer(header, frame): see camera.js; the screen paints frame.image and the result
  //   startVideo(key, facts): a video lies on the server; the page begins a run and gives its key to follow()
  //   paint(frame), settings(), ended(state), name: see frame_player.js
  constructor(root, playerRoot, kind, words, live, hooks, options = {}) {
    Object.assign(this, { root, kind, words, live, hooks, source: "picture" });
    const name = `${kind}-source`;
    this.tabs = ["picture", "camera", "video"].map((id) => make("input", { type: "radio", name, id: `${name}-${id}`, value: id, checked: id === "picture", onchange: () => this.choose(id, true) }));
    this.start = make("button", { class: "cs-button cs-main", type: "button", onclick: () => this.toggleCamera() }, words.camera_start);
    this.rates = make("p", { class: "source-note camera-rates", role: "status" });
    this.cameraBox = make("div", { class: "source-box" }, this.start, this.rates, make("p", { class: "source-note" }, words.camera_hint));
    this.file = make("input", { type: "file", accept: VIDEO_KINDS, class: "cs-only-heard video-file", tabindex: "-1", "aria-hidden": "true", onchange: () => { const [file] = this.file.files; this.file.value = ""; if (file) this.send({ file }); } });
    this.pick = make("button", { class: "cs-button", type: "button", onclick: () => this.file.click() }, words.video_choose);
    this.clip = make("button", { class: "cs-button", type: "button", onclick: () => this.send({ picture: this.picture }) }, words.video_clip);
    this.sent = make("p", { class: "source-note video-sent", role: "status" });
    this.videoBox = make("div", { class: "source-box" }, this.file, make("div", { class: "video-line" }, this.pick, this.clip), this.sent, make("p", { class: "source-note" }, words.video_hint));
    this.plain = make("p", { class: "source-note" }, words.camera_plain);
    root.classList.add("sources");
    root.replaceChildren(make("div", { class: "source-tabs", role: "radiogroup", "aria-label": words.source },
      this.tabs.flatMap((input) => [input, make("label", { for: input.id }, words[`source_${input.value}`])])), this.cameraBox, this.videoBox, this.plain);
    this.camera = new CameraStream(live, kind, {
      parameters: () => hooks.parameters?.() || {},
      answer: (header, frame) => hooks.answer(header, frame),
      rates: (rates) => setText(this.rates, fill(words.camera_rates, { fps: rates.framesPerSecond.toFixed(1), latency: Math.round(rates.latency), server: Math.round(rates.server), dropped: rates.dropped })),
      state: (state, detail) => this.cameraState(state, detail),
      problem: (error) => setText(this.rates, error[words.language]),
    }, options);
    this.playerRoot = playerRoot;
    this.player = new FramePlayer(playerRoot, words, hooks);
    this.show();
  }

  // after every rerun. picture: the current picture's key; source: what the page knows; run: key of this screen's run or ""
  update({ live, picture, source, run }) {
    this.live = live; this.picture = picture;
    this.camera.renew(live);
    this.clip.disabled = picture === "matrix";
    if (source && source !== this.source) this.choose(source, false);
    if (run && run !== this.run) setText(this.sent, "");
    if (run && live) this.follow(run);
    else if (live) this.comeBack();
    this.show();
  }

  follow(run) { this.run = run; rememberRun(this.kind, run); this.player.follow(this.live, run); }

  async comeBack() {                                      // the page was reloaded, or its session is another after a long silence
    const key = this.run || rememberedRun(this.kind);
    if (!key || this.returning) return;
    this.returning = key;
    const wanted = () => !this.closed && this.returning === key && (!this.run || this.run === key);
    const answer = await takeOverRun(this.kind, key, { live: () => this.live, wanted, wait: (error) => setText(this.sent, error?.[this.words.language] || this.words.video_returning) });
    if (this.returning === key) this.returning = "";
    if (!answer || this.closed) return;
    setText(this.sent, answer.error?.[this.words.language] || "");
    if (answer.gone) { this.player.forget(); this.run = ""; rememberRun(this.kind, ""); } else if (!answer.error) this.follow(key);
    this.show();
  }

  choose(source, told) {
    if (source === this.source) return;
    this.source = source;
    for (const input of this.tabs) input.checked = input.value === source;
    if (source !== "camera") this.camera.stop();
    if (source !== "video") this.player.pause();
    this.show();
    if (told) this.hooks.change?.(source);
    if (source === "video") this.player.repaint();
  }

  show() {
    const there = Boolean(this.live);
    this.cameraBox.classList.toggle("cs-hidden", this.source !== "camera" || !there);
    this.videoBox.classList.toggle("cs-hidden", this.source !== "video" || !there);
    this.plain.classList.toggle("cs-hidden", this.source === "picture" || there);
    this.playerRoot.classList.toggle("cs-hidden", this.source !== "video" || !there || !this.run);
  }

  toggleCamera() { if (this.camera.running) this.camera.stop(); else this.camera.start(); }

  cameraState(state, detail) {
    const on = state === "starting" || state === "running";
    setText(this.start, on ? this.words.camera_stop : this.words.camera_start);
    this.root.dataset.camera = state;
    if (state !== "running") setText(this.rates, this.words[`camera_${detail || state}`]);
    this.hooks.cameraState?.(state);
  }

  async send({ file = null, picture = "" }) {
    const { words } = this;
    this.aborter?.abort();
    this.aborter = new AbortController();
    const { signal } = this.aborter;
    setText(this.sent, words.video_reading);
    const progress = (share) => setText(this.sent, share < 1 ? fill(words.video_sending, { share: Math.round(100 * share) }) : words.video_reading);
    const answer = await sendVideo(this.live, { file, picture, progress, signal, words });
    if (signal.aborted) return;
    if (answer.error) { setText(this.sent, answer.error[words.language]); return; }
    setText(this.sent, words.video_starting);
    this.hooks.startVideo(answer.key, answer.facts);
  }

  close() { this.closed = true; this.aborter?.abort(); this.camera.stop(); this.player.close(); }
}
