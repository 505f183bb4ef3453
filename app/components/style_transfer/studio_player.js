// Buttons of the run, and the bar that goes back through its pictures: all in the browser.
import { fill, make } from "../shared/dom.js";

const ACTIONS = ["start", "pause", "resume", "step", "stop"];

export class StudioPlayer {
  constructor(root, words, hooks) {
    this.words = words; this.hooks = hooks; this.timer = null;
    this.buttons = Object.fromEntries(ACTIONS.map((name) => [name, make("button", { class: name === "start" ? "cs-button cs-main" : "cs-button",
      type: "button", "data-act": name, onclick: () => { this.halt(); hooks.act(name); } }, words[`act_${name}`])]));
    this.bar = make("input", { type: "range", class: "scrub", min: 0, max: 1, value: 0, "aria-label": words.scrub, oninput: () => { this.halt(); this.go(Number(this.bar.value)); } });
    this.replay = make("button", { class: "cs-button", type: "button", "data-act": "replay", onclick: () => this.toggle() }, words.replay);
    this.line = make("i"); this.status = make("p", { class: "status", role: "status" });
    root.replaceChildren(make("div", { class: "buttons" }, Object.values(this.buttons), this.replay), this.bar, make("div", { class: "progress" }, this.line), this.status);
  }

  go(place) { this.hooks.go(place >= this.steps.length - 1 ? null : this.steps[place]); }

  toggle() {
    if (this.timer) { this.halt(); return; }
    let place = 0;
    const every = Math.min(Math.max(4000 / this.steps.length, 33), 160);
    this.timer = setInterval(() => { this.go(place); this.bar.value = place; place += 1; if (place >= this.steps.length) this.halt(); }, every);
    this.replay.textContent = this.words.replay_stop;
  }

  halt() { clearInterval(this.timer); this.timer = null; this.replay.textContent = this.words.replay; }

  sync(studio, row) {
    const { words, buttons } = this, { news, fresh } = studio, state = news?.state || "none";
    const running = ["queued", "running", "paused"].includes(state);
    this.steps = fresh ? studio.store.steps.sort((a, b) => a - b) : [];
    const shown = { start: !running || !fresh, pause: state === "running", resume: state === "paused", step: state === "paused", stop: running };
    for (const name of ACTIONS) buttons[name].classList.toggle("cs-hidden", !shown[name]);
    buttons.start.textContent = words[running ? "act_restart" : fresh && this.steps.length ? "act_again" : "act_start"];
    const many = this.steps.length > 1;
    this.bar.disabled = !many; this.replay.classList.toggle("cs-hidden", !many || running);
    this.bar.max = Math.max(this.steps.length - 1, 1);
    this.bar.value = many ? this.steps.indexOf(studio.step) : 0;
    this.line.style.width = `${100 * (studio.store.last && fresh ? studio.store.last / news.steps : 0)}%`;
    this.status.textContent = this.statusText(news, fresh, state, row);
  }

  statusText(news, fresh, state, row) {
    const { words } = this;
    if (state === "none" || !fresh) return words.hint_start;
    if (state === "queued") return news.position > 0 ? fill(words.queued, { position: news.position, seconds: news.wait ?? "?" }) : words.starting;
    const parts = [words[`state_${state}`]];
    if (row) parts.push(fill(words.pace, { rate: (row.step / Math.max(row.seconds, 1e-3)).toFixed(1) }));
    if (row && row.levels > 1) parts.push(fill(words.level, { level: row.level, levels: row.levels, w: row.size[1], h: row.size[0] }));
    if (state === "running" && news.eta !== null) parts.push(fill(words.to_go, { seconds: Math.ceil(news.eta) }));
    return parts.concat((news.told || []).map((notice) => notice[words.language])).join(" · ");
  }

  close() { clearInterval(this.timer); }
}
