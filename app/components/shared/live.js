// A page's connection to /convscope/live: one request in flight, the newest waiting one wins, reconnects by itself.
import { unpack } from "./wire.js";

export class LiveChannel {
  // address: {path, token} from app/components/live.py, or null where the server has no such route.
  // onBlock(header): a result. onLost(reason): the route cannot be used; the caller falls back to setStateValue.
  constructor(address, onBlock, onLost) {
    this.address = address; this.onBlock = onBlock; this.onLost = onLost || (() => {});
    this.socket = null; this.inFlight = null; this.waiting = null; this.failures = 0; this.closed = false;
    this.sent = 0; this.received = 0;
  }
  renew(address) {                               // a rerun brings a fresh token (after a server restart too)
    const fresh = address && (!this.address || address.token !== this.address.token);
    this.address = address;
    if (fresh && this.socket === null) this.failures = 0;
  }
  get usable() { return Boolean(this.address) && this.failures < 4 && !this.closed; }
  request(kind, parameters) {
    if (!this.usable) return false;
    this.waiting = { kind, parameters, asked: performance.now() };
    this.pump();
    return true;
  }
  pump() {
    if (this.inFlight || !this.waiting) return;
    if (!this.socket) { this.open(); return; }
    if (this.socket.readyState !== WebSocket.OPEN) return;
    this.inFlight = this.waiting; this.waiting = null; this.sent += 1;
    this.socket.send(JSON.stringify({ id: this.sent, kind: this.inFlight.kind, parameters: this.inFlight.parameters }));
  }
  open() {
    const url = new URL(this.address.path, window.location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url, ["convscope", this.address.token]);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    socket.onopen = () => { this.failures = 0; this.pump(); };
    socket.onmessage = (event) => {
      const asked = this.inFlight; this.inFlight = null; this.received += 1;
      const header = typeof event.data === "string" ? JSON.parse(event.data) : unpack(event.data);
      header.milliseconds = asked ? performance.now() - asked.asked : 0;
      this.onBlock(header);
      this.pump();
    };
    socket.onclose = (event) => {
      if (this.socket !== socket) return;
      this.socket = null;
      if (this.inFlight && !this.waiting) this.waiting = this.inFlight;   // ask again, unless something newer waits
      this.inFlight = null;
      if (this.closed) return;
      this.failures += 1;
      if (!this.usable) { this.onLost(event.reason || "closed"); return; }
      setTimeout(() => { if (!this.closed) this.pump(); }, 150 * 2 ** this.failures);
    };
  }
  close() { this.closed = true; if (this.socket) this.socket.close(); this.socket = null; }
}
