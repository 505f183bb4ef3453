// What the server still works on for this screen: the step, how far it is, and a button that stops it or goes on.
import { make, fill } from "../shared/dom.js";
import { setText } from "../shared/numbers.js";

export const WORK_OVER = ["cancelled", "failed", "refused"];

export class WorkView {
  constructor(words, act) {                               // act("stop" | "start")
    Object.assign(this, { words, act });
    this.text = make("p", { class: "readout work-text", role: "status" });
    this.button = make("button", { class: "cs-button small work-act", type: "button", onclick: () => this.act(this.over ? "start" : "stop") });
    this.bar = make("i");
    this.element = make("div", { class: "work" }, this.text, this.button, make("div", { class: "work-bar", "aria-hidden": "true" }, this.bar));
  }

  // work: the job as the server tells it, or null while nothing is known; done of all: groupings that are there
  show(missing, work, done, all) {
    const { words } = this;
    this.over = WORK_OVER.includes(work?.state);
    this.element.classList.toggle("idle", !missing);
    setText(this.text, missing ? this.sentence(work, done, all) : "");
    setText(this.button, this.over ? words.work_go_on : words.work_stop);
    this.button.classList.toggle("cs-hidden", !missing || !work);
    this.bar.style.width = `${100 * (work?.progress || 0)}%`;
  }

  sentence(work, done, all) {
    const { words } = this;
    if (work?.error) return work.error[words.language];
    if (this.over) return fill(words.work_stopped, { done, all });
    if (work?.state === "queued" && work.position > 0) return fill(words.work_queued, { n: work.position });
    const searching = work?.part ? work.part === "tree" : done < all;
    return searching ? fill(words.searching, { done, all }) : words[`part_${work?.part}`] || words.work_starts;
  }
}
