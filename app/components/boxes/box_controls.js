// The narrow column: where the boxes come from, the two thresholds, soft-NMS, and the chosen box of one's own.
import { fill, make } from "../shared/dom.js";
import { choiceField, flagField, group, rangeField, selectField } from "../shared/fields.js";

export class BoxControls {
  constructor(root, words, screen) {
    this.words = words;
    this.source = choiceField(words.source, [["detector", words.source_detector], ["mine", words.source_mine]], (source) => screen.change({ source }));
    this.model = selectField(words.model, [["auto", words.model_auto], ["yolo-everyday", words["model_yolo-everyday"]], ["yolo-cells", words["model_yolo-cells"]]], (model) => screen.choose({ model }));
    this.facts = make("p", { class: "quiet" });
    this.copy = make("button", { class: "cs-button", onclick: () => screen.copy() }, words.copy);
    this.label = selectField(words.label, [], (label) => screen.setShown({ label: Number(label) }));
    this.own = rangeField(words.own_score, 0, 1, 0.01, (score) => screen.setShown({ score }));
    const button = (name, press) => make("button", { class: "cs-button", onclick: press }, words[name]);
    this.remove = button("remove", () => screen.hard.remove());
    const add = button("add", () => { const [height, width] = screen.hard.size; const at = (part, side) => Math.round(part * side / screen.hard.step) * screen.hard.step; screen.hard.add([at(0.35, width), at(0.35, height), at(0.65, width), at(0.65, height)]); });
    this.mine = make("div", { class: "mine" }, make("p", { class: "quiet" }, words.mine_hint), this.label.element, this.own.element,
      make("div", { class: "buttons" }, add, this.remove, button("start_again", () => screen.startAgain())));
    this.score = rangeField(words.score, 0, 1, 0.01, (score) => screen.change({ score }));
    this.iou = rangeField(words.iou, 0.01, 1, 0.01, (iou) => screen.change({ iou }));
    this.inclusive = flagField(words.inclusive, (inclusive) => screen.change({ inclusive }), words.inclusive_hint);
    this.perClass = flagField(words.per_class, (per_class) => screen.change({ per_class }), words.per_class_hint);
    this.checked = make("p", { class: "checked", role: "status" });
    this.soft = choiceField(words.soft, [["none", words.soft_none], ["gaussian", words.soft_gaussian], ["linear", words.soft_linear]], (soft) => screen.change({ soft }));
    this.sigma = rangeField("σ", 0.05, 2, 0.05, (sigma) => screen.change({ sigma }));
    root.replaceChildren(group(words.group_boxes, true, this.source, this.model, this.facts, this.copy, this.mine),
      group(words.group_suppression, true, this.score, this.iou, this.inclusive, this.perClass, this.checked),
      group(words.group_soft, true, this.soft, this.sigma, make("p", { class: "quiet" }, words.soft_hint)));
  }

  sync(settings, block, scene, shown, verified) {
    const { words } = this, mine = settings.source === "mine";
    this.source.set(settings.source); this.model.set(settings.model);
    this.score.set(settings.score); this.iou.set(settings.iou); this.inclusive.set(settings.inclusive); this.perClass.set(settings.per_class);
    this.soft.set(settings.soft); this.sigma.set(settings.sigma);
    this.sigma.element.classList.toggle("cs-hidden", settings.soft !== "gaussian");
    const [rows, columns, anchors] = block.grid;
    this.facts.textContent = fill(words.facts, { model: words[`model_${block.model}`], rows, columns, anchors, classes: block.categories.length });
    for (const [part, there] of [[this.model.element, !mine], [this.facts, !mine], [this.copy, !mine], [this.mine, mine]]) part.classList.toggle("cs-hidden", !there);
    this.copy.disabled = !scene.index.length;
    if (this.listed !== block.categories.join()) {
      this.listed = block.categories.join();
      this.label.input.replaceChildren(...block.categories.map((name, value) => make("option", { value }, name)));
    }
    for (const part of [this.label.input, this.own.slider, this.own.number, this.remove]) part.disabled = !shown;
    if (shown) { this.label.set(String(shown.label)); this.own.set(shown.score); }
    this.checked.className = `checked ${verified === true ? "right" : verified === false ? "wrong" : ""}`;
    this.checked.textContent = verified === null ? words.checking : fill(words[verified ? "checked" : "check_failed"], { n: scene.rounds.length });
  }
}
