// What goes to the server: news of a run and Grams over the live route, settings at rest and buttons to Streamlit.
import { LiveChannel } from "../shared/live.js";

const BUSY_STATES = ["queued", "running", "paused"], REST_AFTER = 180, POLL_AFTER = 160, POLL_PAUSED = 700, POLL_BY_RERUN = 600;   // ms

export class StudioExchange {
  constructor(studio) { this.studio = studio; this.channel = null; this.asked = 0; }

  attach(component, block) {
    this.component = component;
    if (!block) return;
    this.address = block.address;
    if (!this.channel && block.live) this.channel = new LiveChannel(block.live, (answer) => this.answered(answer), () => this.poll());
    else this.channel?.renew(block.live);
  }

  get usable() { return Boolean(this.channel?.usable); }

  isNews(block) { return block.settings_from === "address" && JSON.stringify(block.settings) !== this.lastTold; }

  answered(answer) {
    if (answer.error && answer.error.en) { this.studio.fail(answer.error); return; }
    this.studio.take(answer);
    const runs = [answer.run, answer.layers].filter(Boolean), states = runs.map((run) => run.state);
    const more = runs.some((run) => run.more);
    if (more || states.some((state) => BUSY_STATES.includes(state))) { this.later(more ? 0 : states.includes("running") ? POLL_AFTER : POLL_PAUSED); }
    const ended = runs.filter((run) => !BUSY_STATES.includes(run.state) && !run.more).map((run) => `${run.run} ${run.state}`).join();
    if (ended && ended !== this.ended) { this.ended = ended; this.component?.setStateValue("ended", ended); }
  }

  later(milliseconds) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.poll(), this.usable ? milliseconds : Math.max(milliseconds, POLL_BY_RERUN));
  }

  poll() {                                                  // news since the last step that is here, and the Grams wanted
    const { studio } = this, { store, layers } = studio;
    const gram = studio.settings?.view === "grams" ? studio.grams.wanted : null;
    if (!store.run && !layers?.run && !gram) return;
    const request = { run: store.run, after_run: store.last, layers: layers?.run || "", after_layers: layers?.last || 0, gram, settings: gram ? studio.settings : null };
    if (this.usable) { this.channel.request("style_transfer", { ...this.address, ...request }); return; }
    if (this.address) this.component?.setStateValue("asked", { ...request, id: this.asked += 1 });
  }

  rest() {
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.tell(this.studio.known), REST_AFTER);
  }

  tell(known) {
    clearTimeout(this.resting);
    const values = { ...this.studio.settings }, told = JSON.stringify(values);
    if (told === this.lastTold && known.length) return;
    this.lastTold = told;
    this.component?.setStateValue("settings", { values, known });
  }

  act(action) {
    clearTimeout(this.resting);
    const values = { ...this.studio.settings };
    this.component?.setTriggerValue("act", { action, values, at: Date.now() });
    if (["pause", "resume", "step"].includes(action)) this.later(POLL_AFTER);
  }

  close() { clearTimeout(this.timer); clearTimeout(this.resting); this.channel?.close(); }
}
