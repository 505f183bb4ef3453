// What goes to the server: values over the live route, parts that the browser lacks come back; at rest the address follows.
import { LiveChannel } from "../shared/live.js";

const REST_AFTER = 350;                                    // ms until the address bar, the code and the downloads follow

export class ExplorerExchange {
  constructor(screen) { this.screen = screen; this.channel = null; this.waiting = false; }

  attach(component, block) {
    this.component = component;
    if (!block) return;
    this.address = block.address;
    if (!this.channel && block.live) this.channel = new LiveChannel(block.live, (answer) => this.answered(answer), () => this.restNow());
    else this.channel?.renew(block.live);
  }

  get usable() { return Boolean(this.channel?.usable); }

  isNews(block) { return block.values_from === "address" && JSON.stringify(block.values) !== this.lastTold; }

  answered(answer) {
    this.waiting = false;
    if (answer.error) { this.screen.fail(answer.error); return; }
    this.screen.take(answer);
  }

  ask(known = this.screen.known) {
    this.waiting = true;
    if (this.usable) this.channel.request("layer_explorer", { ...this.address, values: this.screen.values, known, effects: this.screen.nextEffects });
    this.rest();
  }

  askAgain() { if (this.usable) this.ask([]); else { this.lastTold = null; this.restNow([]); } }

  rest() { clearTimeout(this.timer); this.timer = setTimeout(() => this.restNow(), REST_AFTER); }

  restNow(known = this.screen.known) {
    clearTimeout(this.timer);
    if (this.usable && this.waiting) { this.rest(); return; }
    const values = { ...this.screen.values }, effects = this.usable ? null : this.screen.nextEffects, told = JSON.stringify([values, effects]);
    if (told === this.lastTold) return;
    this.lastTold = told;
    this.component?.setStateValue("explorer", { values, known, effects });
  }

  close() { clearTimeout(this.timer); this.channel?.close(); }
}
