// The camera as a stream of results: frames go to /convscope/camera as JPEG, one on the way at a time. While one is worked
// on, newer ones replace each other: frames are dropped, nothing lags. The next frame is made ready just before the
// answer is due, so that the server never waits for it. Ends with stop(), with the page, or when the camera is pulled out.
import { unpack } from "./wire.js";

const CAMERA_CANVASES = 3;                                       // canvases: on the way, made ready, being painted
const CAMERA_SPAN = 2000;                                     // ms over which rates are told

export class CameraStream {
  // live: the screen's live address {path, token}. kind: the screen's slug.
  // hooks: parameters() → object sent with the frame; answer(header, frame): header is the unpacked block with .arrays and
  //   .server {waited, decode, work} in s, frame {image: canvas, width, height}; draw in it, rates are told afterwards
  //   rates({framesPerSecond, latency, server, dropped}) after every answer, in frames/s and ms
  //   state(name, detail): "starting" "running" "stopped" "failed" (detail: denied | missing | insecure | full | lost | ended)
  //   problem(error): {en, ko} for one frame; the stream goes on
  constructor(live, kind, hooks, { side = 640, quality = 0.8, mirror = false } = {}) {
    Object.assign(this, { live, kind, hooks, side, quality, mirror });
    this.running = false; this.socket = null; this.stream = null; this.number = 0;
    this.onHide = () => this.stop();
    this.onShow = () => this.prepare();
  }

  renew(live) { this.live = live; }                    // a rerun brings a fresh token

  async start() {
    if (this.running) return true;
    Object.assign(this, { running: true, ready: null, flying: null, preparing: false, trips: [], seen: 0, sent: 0, failures: 0, trip: 0, prepared: 0 });
    this.spare = Array.from({ length: CAMERA_CANVASES }, () => new OffscreenCanvas(1, 1));
    this.hooks.state?.("starting");
    if (!navigator.mediaDevices?.getUserMedia) return this.fail("insecure");
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: false, video: { width: { ideal: this.side }, height: { ideal: Math.round(this.side * 0.75) }, frameRate: { ideal: 30 } } });
    } catch (error) { return this.fail(error.name === "NotAllowedError" ? "denied" : "missing"); }
    if (!this.running) { for (const track of stream.getTracks()) track.stop(); return false; }   // stopped while it was asked for
    this.stream = stream;
    stream.getVideoTracks()[0].onended = () => this.fail("ended");
    this.video = document.createElement("video");
    Object.assign(this.video, { muted: true, playsInline: true, srcObject: stream });
    try { await this.video.play(); } catch { return this.running ? this.fail("missing") : false; }
    window.addEventListener("pagehide", this.onHide);
    document.addEventListener("visibilitychange", this.onShow);
    this.watchFrames();
    this.connect();
    return true;
  }

  stop() { if (this.running) this.end("stopped"); }

  fail(detail) { this.end("failed", detail); return false; }

  end(name, detail) {
    this.running = false;
    clearTimeout(this.timer);
    for (const track of this.stream?.getTracks() || []) { track.onended = null; track.stop(); }
    this.stream = null;
    if (this.video) this.video.srcObject = null;
    const socket = this.socket; this.socket = null;
    socket?.close();
    window.removeEventListener("pagehide", this.onHide);
    document.removeEventListener("visibilitychange", this.onShow);
    this.hooks.state?.(name, detail);
  }

  watchFrames() {                                      // counts what the camera gives, to tell how many were dropped
    const { video } = this;
    if (!video.requestVideoFrameCallback) return;
    const seen = () => { if (!this.running || this.video !== video) return; this.seen += 1; video.requestVideoFrameCallback(seen); };
    video.requestVideoFrameCallback(seen);
  }

  connect() {
    const url = new URL(this.live.path.replace(/live$/, "camera"), document.baseURI);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url, ["convscope", this.live.token]);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    socket.onopen = () => { this.hooks.state?.("running"); this.prepare(); };
    socket.onmessage = (event) => { if (this.socket === socket) this.answered(event.data); };
    socket.onclose = (event) => {
      if (this.socket !== socket) return;
      this.release(this.flying); this.flying = null; this.socket = null;
      if (event.code === 1013) { this.fail("full"); return; }
      this.failures += 1;
      if (this.failures > 4) { this.fail("lost"); return; }
      this.timer = setTimeout(() => { if (this.running) this.connect(); }, 200 * 2 ** this.failures);
    };
  }

  release(frame) { if (frame) this.spare.push(frame.image); }

  async prepare() {                                    // takes the newest picture of the camera and encodes it
    const { video } = this;
    if (!this.running || this.preparing || this.ready || document.hidden || this.socket?.readyState !== WebSocket.OPEN) return;
    if (!video.videoWidth || !this.spare.length) { this.timer = setTimeout(() => this.prepare(), 30); return; }
    this.preparing = true;
    const taken = performance.now(), image = this.spare.pop();
    const scale = Math.min(1, this.side / Math.max(video.videoWidth, video.videoHeight));
    const width = Math.max(1, Math.round(video.videoWidth * scale)), height = Math.max(1, Math.round(video.videoHeight * scale));
    if (image.width !== width || image.height !== height) { image.width = width; image.height = height; }
    const pen = image.getContext("2d");
    pen.setTransform(this.mirror ? -1 : 1, 0, 0, 1, this.mirror ? width : 0, 0);
    pen.drawImage(video, 0, 0, width, height);
    const blob = await image.convertToBlob({ type: "image/jpeg", quality: this.quality });
    const bytes = new Uint8Array(await blob.arrayBuffer());
    this.prepared = performance.now() - taken;
    this.preparing = false;
    if (!this.running) return;
    this.ready = { image, width, height, taken, bytes };
    this.send();
  }

  send() {
    if (this.flying || !this.ready || this.socket?.readyState !== WebSocket.OPEN) return;
    const frame = this.ready;
    this.ready = null; this.flying = frame; this.number += 1; this.sent += 1;
    frame.left = performance.now();
    this.socket.send(packFrame({ id: this.number, kind: this.kind, parameters: this.hooks.parameters?.() || {} }, frame.bytes));
    frame.bytes = null;
    this.timer = setTimeout(() => this.prepare(), Math.max(0, this.trip - this.prepared - 15));
  }

  answered(data) {
    const frame = this.flying, now = performance.now();
    this.flying = null; this.failures = 0;
    if (!frame) return;
    this.trip = this.trip ? 0.7 * this.trip + 0.3 * (now - frame.left) : now - frame.left;
    this.send();                                       // the next one is on its way before this one is painted
    const header = typeof data === "string" ? JSON.parse(data) : unpack(data);
    if (header.error) this.hooks.problem?.(header.error);
    else {
      this.hooks.answer(header, frame);
      this.tell(header, frame);
    }
    this.release(frame);
    if (!this.flying) this.prepare();
  }

  tell(header, frame) {
    const now = performance.now();
    this.trips.push({ at: now, latency: now - frame.taken, server: 1000 * (header.server.decode + header.server.work), seen: this.seen });
    while (this.trips.length > 2 && now - this.trips[0].at > CAMERA_SPAN) this.trips.shift();
    const span = now - this.trips[0].at, count = this.trips.length - 1;
    const middle = (name) => this.trips.map((trip) => trip[name]).sort((a, b) => a - b)[this.trips.length >> 1];
    this.hooks.rates?.({
      framesPerSecond: span > 0 ? 1000 * count / span : 0, latency: middle("latency"), server: middle("server"),
      dropped: Math.max(0, this.seen - this.trips[0].seen - count),
    });
  }
}

export function packFrame(header, bytes) {             // what app/routes/camera.py reads
  const text = new TextEncoder().encode(JSON.stringify(header));
  const message = new Uint8Array(4 + text.length + bytes.length);
  new DataView(message.buffer).setUint32(0, text.length, true);
  message.set(text, 4);
  message.set(bytes, 4 + text.length);
  return message;
}
