// Transfer learning in the browser. Python side: app/pages/networks/transfer_learning.py, app/figures/networks/transfer_learning.py.
import { fill, make } from "../shared/dom.js";
import { mounted } from "../shared/mounted.js";
import { unpack } from "../shared/wire.js";
import { confusionTable } from "./confusion.js";
import { HeldOut } from "./held_out.js";
import { StageCard } from "./stage_card.js";

class Bench {
  constructor(root) {
    this.find = (selector) => root.querySelector(selector);
    this.cards = new Map();
    this.find(".stages").replaceChildren();                 // mounted again on the same page: the old cards are nobody's
    this.held = new HeldOut(this.find(".tiles"), this.find(".about"));
    this.chosen = null; this.sprite = null; this.seen = "";
  }

  update(component) {
    this.component = component;
    if (component.data === this.data) return;
    this.data = component.data;
    const state = unpack(component.data);
    if (state.sprite.url) { this.sprite = { id: state.sprite.id, url: state.sprite.url }; component.setStateValue("has", state.sprite.id); }
    else if (this.sprite?.id !== state.sprite.id) component.setStateValue("has", "");   // it was sent to a page that is gone
    state.url = this.sprite?.id === state.sprite.id ? this.sprite.url : "";
    state.stages.chance = 1 / state.categories.length;
    this.state = state;
    for (const stage of state.stages) {
      if (!this.cards.has(stage.id)) {
        this.cards.set(stage.id, new StageCard(stage.id, (id, action) => this.act(id, action)));
        this.find(".stages").append(this.cards.get(stage.id).element);
      }
      this.cards.get(stage.id).update(stage, state.stages, state.words);
    }
    this.follow();
    this.drawDetail();
  }

  act(stage, action) {
    if (action === "start") this.chosen = null;
    this.component.setTriggerValue("act", { stage, action });
  }

  follow() {                                                // what is learning is shown, until the person looks at another stage
    const ready = this.state.stages.filter((stage) => this.state.arrays[stage.id]);
    const busy = ready.find((stage) => ["running", "paused"].includes(stage.state));
    this.ready = ready;
    this.shown = ready.find((stage) => stage.id === this.chosen) || busy || ready.filter((stage) => stage.id !== "scratch").pop() || ready[0] || null;
  }

  drawDetail() {
    const { state, shown } = this;
    const { words } = state;
    this.find(".held-title").textContent = shown ? words.held_title : words.samples_title;
    this.find(".held-hint").textContent = shown ? fill(words.held_hint, { n: state.labels.length }) : words.samples_hint;
    this.find(".tabs").replaceChildren(...(this.ready.length > 1 ? this.ready : []).map((stage) => make("button", {
      class: "cs-button", type: "button", role: "tab", "aria-selected": String(stage === shown), "aria-pressed": String(stage === shown),
      onclick: () => { this.chosen = stage.id; this.follow(); this.drawDetail(); },
    }, words[`stage_${stage.id}`])));
    const news = JSON.stringify([shown?.id, shown?.history.length, state.sprite.id, Boolean(state.url), words.stage_head]);
    if (news !== this.seen) {                               // the tiles change once an epoch; between, they are left alone
      this.seen = news;
      this.held.show(state, shown ? state.arrays[shown.id].data : null);
      this.find(".matrix-title").textContent = shown?.matrix ? words.matrix_title : "";
      this.find(".matrix").replaceChildren(...(shown?.matrix ? [confusionTable(shown.matrix, state.categories, words)] : []));
    }
    this.drawCurrent();
  }

  drawCurrent() {
    const { current, words } = this.state;
    this.find(".current-title").textContent = words.current_title;
    const groups = Object.entries(current.rows).map(([stage, rows]) => make("div", { style: `--tone: var(--${stage === "before" ? "quiet" : stage})`, "data-answers": stage },
      make("h3", {}, words[`answers_${stage}`]),
      rows.map(([name, share]) => { const line = make("i"); line.style.width = `${100 * share}%`;
        return make("div", { class: "answer" }, line, make("span", { title: name }, name), make("span", {}, `${(100 * share).toFixed(1)} %`)); })));
    this.find(".current").replaceChildren(make("img", { src: current.thumb, alt: current.alt }),
      make("div", { class: "answers" }, groups.length ? groups : make("p", { class: "held-hint" }, words.no_answers)));
  }
}

export default mounted(Bench, ".bench");
