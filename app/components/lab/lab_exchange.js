// What goes to the server and when: pictures in motion over the live route, the settings at rest to Streamlit.
import { Exchange } from "../shared/exchange.js";

const STILL = 130;                                        // ms after the last change until the exact numbers are asked for

export class LabExchange extends Exchange {
  constructor(lab) { super("convolution", "lab", lab); this.moving = false; this.times = []; }

  // Settings in the block that this browser did not send: a link, or the way back.
  isNews(block) { return block.settings_from === "address" && JSON.stringify(block.lanes.map((lane) => lane.settings)) !== this.lastTold; }

  get known() {
    const { lanes, inputs } = this.screen;
    return { inputs: [...inputs.keys()], shown: lanes.map((lane) => lane.digest).filter(Boolean) };
  }

  message(draft) {
    return { ...this.address, lanes: this.screen.lanes.map((lane) => lane.settings), draft, ...this.known };
  }

  ask() {
    this.moving = true;
    clearTimeout(this.stillTimer);
    if (this.usable) {
      this.channel.request("convolution", this.message(true));
      this.stillTimer = setTimeout(() => { this.moving = false; this.channel.request("convolution", this.message(false)); }, STILL);
    } else this.moving = false;
    this.rest();
  }

  askAgain() {                                            // the server left out what this browser does not have (any more)
    for (const lane of this.screen.lanes) lane.digest = null;
    if (this.usable) this.channel.request("convolution", { ...this.message(false), inputs: [], shown: [] });
    else this.restNow();
  }

  answered(answer) {
    if (answer.error) { for (const lane of this.screen.lanes) lane.error = answer.error; this.screen.paint(); return; }
    if (answer.lanes.length !== this.screen.lanes.length) return;
    this.times.push(answer.milliseconds);
    if (this.times.length > 500) this.times.shift();
    this.screen.take(answer);
  }

  restNow() {
    clearTimeout(this.timer);
    if (this.moving || this.screen.player.direction) { this.rest(); return; }
    const lanes = this.screen.lanes.map((lane) => ({ ...lane.settings }));
    const told = JSON.stringify(lanes);
    const complete = this.screen.lanes.every((lane) => lane.digest || lane.error);
    if (told === this.lastTold && complete) return;
    this.lastTold = told;
    this.component?.setStateValue("lab", { lanes, ...this.known });
  }

  close() {
    clearTimeout(this.stillTimer);
    super.close();
  }
}
