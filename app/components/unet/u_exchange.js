// What goes to the server: other switches, blocks and channels over the live route, the settings at rest to Streamlit.
import { Exchange } from "../shared/exchange.js";

export class UExchange extends Exchange {
  constructor(screen) { super("unet", "u", screen); }

  answered(answer) {
    this.waiting = false;
    if (answer.error) { this.screen.fail(answer.error); return; }
    if (JSON.stringify(answer.settings) === JSON.stringify(this.screen.settings)) this.screen.take(answer);
    else if (!this.channel.waiting) this.ask();           // the server knew better: ask for what is wanted now
  }

  askResults() {                                          // the result with each skip off: after the picture is there
    if (this.usable && !this.channel.waiting && !this.channel.inFlight) this.ask(this.screen.known, { results: true });
  }

  pick(key) { this.component.setTriggerValue("pick", key); }
}
