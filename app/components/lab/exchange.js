// What goes to the server and when: pictures in motion over the live route, the settings at rest to Streamlit.
import { LiveChannel } from "../shared/live.js";

const STILL = 130;                                        // ms after the last change until the exact numbers are asked for
const REST = 250;                                         // ms until the address bar, the code and the downloads follow

export class Exchange {
  constructor(lab) { this.lab = lab; this.channel = null; this.moving = false; this.times = []; }

  attach(component, block) {
    this.component = component;
    if (!block) return;
    this.address = block.address;
    if (!this.channel && block.live) {
      this.channel = new LiveChannel(block.live, (answer) => this.answered(answer), () => this.restNow());
    } else this.channel?.renew(block.live);
  }

  get usable() { return Boolean(this.channel?.usable); }

  // Settings in the block that this browser did not send: a link, or the way back.
  isNews(block) { return block.settings_from === "address" && JSON.stringify(block.lanes.map((lane) => lane.settings)) !== this.lastTold; }

  get known() {
    const { lanes, inputs } = this.lab;
    return { inputs: [...inputs.keys()], shown: lanes.map((lane) => lane.digest).filter(Boolean) };
  }

  message(draft) {
    return { ...this.address, lanes: this.lab.lanes.map((lane) => lane.settings), draft, ...this.known };
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
    for (const lane of this.lab.lanes) lane.digest = null;
    if (this.usable) this.channel.request("convolution", { ...this.message(false), inputs: [], shown: [] });
    else this.restNow();
  }

  answered(answer) {
    if (answer.error) { for (const lane of this.lab.lanes) lane.error = answer.error; this.lab.paint(); return; }
    if (answer.lanes.length !== this.lab.lanes.length) return;
    this.times.push(answer.milliseconds);
    if (this.times.length > 500) this.times.shift();
    this.lab.take(answer);
  }

  rest() {
    clearTimeout(this.restTimer);
    this.restTimer = setTimeout(() => this.restNow(), REST);
  }

  restNow() {
    clearTimeout(this.restTimer);
    if (this.moving || this.lab.player.direction) { this.rest(); return; }
    const lanes = this.lab.lanes.map((lane) => ({ ...lane.settings }));
    const told = JSON.stringify(lanes);
    const complete = this.lab.lanes.every((lane) => lane.digest || lane.error);
    if (told === this.lastTold && complete) return;
    this.lastTold = told;
    this.component?.setStateValue("lab", { lanes, ...this.known });
  }

  close() {
    clearTimeout(this.restTimer); clearTimeout(this.stillTimer);
    this.channel?.close();
  }
}
