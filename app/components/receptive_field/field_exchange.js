// What goes to the server: new networks and measured fields over the live route, the settings at rest to Streamlit.
import { LiveChannel } from "../shared/live.js";

const REST_AFTER = 300;                                   // ms until the address bar, the code and the downloads follow

export class FieldExchange {
  constructor(screen) { this.screen = screen; this.channel = null; }

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
    if (answer.error && answer.error.en) { this.screen.fail(answer.error); return; }
    this.screen.take(answer);
  }

  ask(known = this.screen.known) {                        // a new network or another unit's measured field
    this.waiting = true;
    if (this.usable) this.channel.request("receptive_field", { ...this.address, settings: this.screen.settings, known });
    this.rest();
  }

  askAgain() {                                            // the server left out what this browser does not have
    if (this.usable) this.ask([]); else { this.lastTold = null; this.restNow([]); }
  }

  rest() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.restNow(), REST_AFTER);
  }

  restNow(known = this.screen.known) {
    clearTimeout(this.timer);
    const settings = { ...this.screen.settings }, told = JSON.stringify(settings);
    if (told === this.lastTold) return;
    this.lastTold = told;
    this.component?.setStateValue("fields", { settings, known });
  }

  close() { clearTimeout(this.timer); this.channel?.close(); }
}
