// What a screen tells the server: results wanted at once over the live route, the settings at rest to Streamlit, so that
// the address bar, the code and the downloads follow. `kind` is the screen's slug, `state` the name of its state value.
import { LiveChannel } from "./live.js";

const SETTLED_AFTER = 300;                                // ms without a change

export class Exchange {
  // screen: {settings, known, take(block), fail(sentences)}
  constructor(kind, state, screen) { this.kind = kind; this.state = state; this.screen = screen; this.channel = null; this.waiting = false; }

  attach(component, block) {
    this.component = component;
    if (!block) return;
    this.address = block.address;
    if (!this.channel && block.live) {
      this.channel = new LiveChannel(block.live, (answer) => this.answered(answer), () => this.restNow());
    } else this.channel?.renew(block.live);
  }

  get usable() { return Boolean(this.channel?.usable); }

  isNews(block) { return block.settings_from === "address" && JSON.stringify(block.settings) !== this.lastTold; }

  answered(answer) {
    this.waiting = false;
    if (answer.error && answer.error.en) this.screen.fail(answer.error); else this.screen.take(answer);
  }

  ask(known = this.screen.known, extra = {}) {
    this.waiting = true;
    if (this.usable) this.channel.request(this.kind, { ...this.address, settings: this.screen.settings, known, ...extra });
    this.rest();
  }

  askAgain() {                                            // the server left out what this browser does not have
    if (this.usable) this.ask([]); else { this.lastTold = null; this.restNow([]); }
  }

  rest() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.restNow(), SETTLED_AFTER);
  }

  restNow(known = this.screen.known) {
    clearTimeout(this.timer);
    const settings = { ...this.screen.settings }, told = JSON.stringify(settings);
    if (told === this.lastTold) return;
    this.lastTold = told;
    this.component?.setStateValue(this.state, { settings, known });
  }

  close() { clearTimeout(this.timer); this.channel?.close(); }
}
