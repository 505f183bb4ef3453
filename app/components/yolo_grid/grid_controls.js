// The narrow column: the network and its maps; or the grid, the anchors and the chosen object; or the face.
import { fill, make } from "../shared/dom.js";
import { flagField, group, rangeField, selectField } from "../shared/fields.js";

export class GridControls {
  constructor(root, words, screen) {
    this.words = words; this.listed = "";
    this.model = selectField(words.model, [["auto", words.model_auto], ["yolo-everyday", words["model_yolo-everyday"]], ["yolo-cells", words["model_yolo-cells"]]], (model) => screen.ask({ model, row: -1, column: -1, channel: -1 }));
    this.channel = selectField(words.channel, [], (channel) => screen.change({ channel: Number(channel) }));
    this.strongest = make("button", { class: "cs-button", onclick: () => screen.change({ row: -1, column: -1 }) }, words.strongest);
    this.output = make("div", {}, group(words.group_network, true, this.model, this.channel, this.strongest, make("p", { class: "quiet" }, words.output_hint)));

    const reset = { row: -1, column: -1, answer: "" };
    this.rows = rangeField(words.rows, 1, 19, 1, (rows) => screen.change({ rows, ...reset }));
    this.columns = rangeField(words.columns, 1, 19, 1, (columns) => screen.change({ columns, ...reset }));
    this.anchors = rangeField(words.anchors, 0, 5, 1, (anchors) => screen.change({ anchors, ...reset }));
    const preset = (name, values) => make("button", { class: "cs-button", onclick: () => screen.change({ ...values, ...reset }) }, words[name]);
    this.label = selectField(words.label, [], (label) => screen.target.setLabel(Number(label)));
    this.remove = make("button", { class: "cs-button", onclick: () => screen.editor.remove() }, words.remove);
    const place = (part, side) => Math.round(part * side / screen.editor.step) * screen.editor.step;
    this.add = make("button", { class: "cs-button", onclick: () => { const [height, width] = screen.editor.size; screen.editor.add([place(0.4, width), place(0.35, height), place(0.6, width), place(0.65, height)]); } }, words.add);
    this.guess = rangeField(words.guess, 0, 1, 0.01, (guess) => screen.change({ guess, answer: "" }));
    this.targets = make("div", {},
      group(words.group_grid, true, make("div", { class: "buttons" }, preset("preset_one", { rows: 1, columns: 1, anchors: 0 }), preset("preset_lecture", { rows: 3, columns: 3, anchors: 2 }), preset("preset_fine", { rows: 19, columns: 19, anchors: 5 })), this.rows, this.columns, this.anchors),
      group(words.group_objects, true, make("p", { class: "quiet" }, words.objects_hint), this.label, make("div", { class: "buttons" }, this.add, this.remove, make("button", { class: "cs-button", onclick: () => screen.startAgain({ objects: "", ...reset }) }, words.start_again))),
      group(words.group_loss, true, make("p", { class: "quiet" }, words.loss_hint), this.guess, make("button", { class: "cs-button", onclick: () => screen.change({ answer: "" }) }, words.answer_reset)));

    this.face = flagField(words.face, (face) => screen.change({ face }), words.face_hint);
    this.faces = make("div", {}, group(words.group_face, true, this.face, make("p", { class: "quiet" }, words.face_help), make("button", { class: "cs-button", onclick: () => screen.startAgain({ points: "" }) }, words.start_again)));
    root.replaceChildren(this.output, this.targets, this.faces);
  }

  channels(view, channel) {
    const { words } = this, key = `${view.output.id}:${words.language}`;
    if (this.listed !== key) {
      this.listed = key;
      const names = view.channelNames;
      this.channel.input.replaceChildren(make("option", { value: "-1" }, words.best_score), ...view.output.anchors.map((_, a) => make("optgroup", { label: fill(words.anchor_n, { n: a + 1 }) },
        names.map((name, k) => make("option", { value: a * names.length + k }, `${fill(words.anchor_n, { n: a + 1 })} · ${name}`)))));
    }
    this.channel.set(String(channel < view.output.depth ? channel : -1));
  }

  sync(settings, block, shown) {
    for (const [part, view] of [[this.output, "output"], [this.targets, "target"], [this.faces, "landmarks"]]) part.classList.toggle("cs-hidden", settings.view !== view);
    this.model.set(settings.model);
    this.rows.set(settings.rows); this.columns.set(settings.columns); this.anchors.set(settings.anchors); this.guess.set(settings.guess); this.face.set(settings.face);
    if (!this.label.input.childElementCount) this.label.input.replaceChildren(...block.categories.map((name, value) => make("option", { value }, `c${value + 1} ${name}`)));
    this.label.input.disabled = this.remove.disabled = !shown;
    if (shown && "label" in shown) this.label.set(String(shown.label));
  }
}
