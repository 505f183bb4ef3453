// What goes to the server: other switches, blocks and channels over the live route, the settings at rest to Streamlit.
import { LiveChannel } from "../shared/live.js";

const REST_AFTER = 300;                                   // ms until the address bar, the code and the downloads follow

export class UExchange {
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
    if (answer.error) { this.screen.fail(answer.error); return; }
    if (JSON.stringify(answer.settings) === JSON.stringify(this.screen.settings)) this.screen.take(answer);
    else if (!this.channel.waiting) this.send();          // the server knew better: ask for what is wanted now
  }

  send(extra = {}) { this.channel.request("unet", { ...this.address, settings: this.screen.settings, known: this.screen.known, ...extra }); }

  ask() {
    if (this.usable) this.send();
    this.rest();
  }

  askResults() {                                          // the result with each skip off: after the picture is there
    if (this.usable && !this.channel.waiting && !this.channel.inFlight) this.send({ results: true });
  }

  askAgain() {                                            // the server left out what this browser does not have
    if (this.usable) this.send({ known: [] }); else { this.lastTold = null; this.restNow([]); }
  }

  pick(key) { this.component.setTriggerValue("pick", key); }

  rest() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.restNow(), REST_AFTER);
  }

  restNow(known = this.screen.known) {
    clearTimeout(this.timer);
    const settings = { ...this.screen.settings }, told = JSON.stringify(settings);
    if (told === this.lastTold) return;
    this.lastTold = told;
    this.component?.setStateValue("u", { settings, known });
  }

  close() { clearTimeout(this.timer); this.channel?.close(); }
}
