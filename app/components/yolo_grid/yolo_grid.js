// The YOLO grid in the browser: the network's output cell by cell, the target of placed objects, the points of a face.
// Python side: app/pages/detection/yolo_grid.py, app/figures/detection/yolo_grid.py.
import { BoxEditor } from "../shared/box_editor.js";
import { fill, make } from "../shared/dom.js";
import { Instrument } from "../shared/instrument.js";
import { mounted } from "../shared/mounted.js";
import { GridControls } from "./grid_controls.js";
import { LandmarkView } from "./landmark_view.js";
import { OutputView } from "./output_view.js";
import { TargetView } from "./target_view.js";

class GridScreen extends Instrument {
  constructor(root) {
    super(root, "yolo_grid", ["pictures", "outputs"]);
    this.editor = new BoxEditor({
      style: (item, index, editor) => this.view.style(item, index, editor),
      under: (pen, editor) => { if (this.block) this.view.under(pen, editor); },
      over: (pen, editor) => { if (this.block) this.view.over(pen, editor); },
      hover: (index, x, y) => { if (this.block) this.view.hover(x, y); },
      change: (items, done) => this.view.changed(done), select: () => { if (!this.showing) this.view.chosen(); },
      press: (x, y) => Boolean(this.view.press?.(x, y)),
      create: (box) => (this.settings.view === "target" ? { box, label: 0 } : null),
    });
    this.output = new OutputView(this); this.target = new TargetView(this); this.landmarks = new LandmarkView(this);
    this.editor.over.setAttribute("aria-describedby", "grid-help");
    this.editor.over.addEventListener("pointerdown", (event) => { this.down = [event.clientX, event.clientY]; });
    this.editor.over.addEventListener("click", (event) => { if (this.down && Math.hypot(event.clientX - this.down[0], event.clientY - this.down[1]) < 4) this.view.pick(...this.editor.at(event)); });
    this.editor.over.addEventListener("keydown", (event) => { if (!event.ctrlKey && !event.metaKey && this.view.key(event)) event.preventDefault(); });
    this.find(".picture").append(this.editor.element, this.output.legend);
    this.observer = new ResizeObserver(() => this.layout());
    this.observer.observe(this.find(".picture"));
  }

  get view() { return this[this.settings.view]; }
  get accent() { return getComputedStyle(this.find(".stage")).getPropertyValue("--st-primary-color").trim() || "#b8127b"; }

  useWords(words) {
    this.controls = new GridControls(this.find(".controls"), words, this);
    this.find(".help").textContent = words.keys_help;
    this.tabs = ["output", "target", "landmarks"].map((view) => make("button", { class: "cs-button", role: "tab", "data-view": view, onclick: () => this.ask({ view, row: -1, column: -1, answer: "" }) }, words[`view_${view}`]));
    this.find(".tabs").replaceChildren(...this.tabs);
    this.target.tableKey = ""; this.output.cells = null;
  }

  take(block) {
    const { arrays } = block;
    const picture = this.keep("pictures", { id: block.picture.id, image: arrays.image }, arrays.image);
    const part = { ...block.output, raw: arrays.raw?.data, boxes: arrays.boxes?.data, scores: arrays.scores?.data };
    const output = this.keep("outputs", part, arrays.raw);
    if (!picture || !output) { this.exchange.askAgain(); return; }
    const another = this.block?.picture.id !== block.picture.id;
    this.block = block;
    if (another) { this.editor.selected = -1; this.editor.setPicture(picture.image, block.picture.size, `${this.words.title}: ${block.picture.alt}`); }
    if (this.output.output?.id !== output.id) { this.output.take(output, output); this.output.cells = null; }
    if (another || this.reload || !this.target.items || block.settings_from === "address") { this.target.take(block); this.landmarks.take(block); this.reload = false; }
    this.layout();
    this.show();
    this.ready += 1;
  }

  fail(sentence) { this.notice(sentence[this.words.language], []); }
  refresh() { if (this.block) this.show(); }

  show() {
    const { words, settings, block } = this;
    this.showing = true;
    this.tabs.forEach((tab) => { tab.setAttribute("aria-selected", String(tab.dataset.view === settings.view)); tab.setAttribute("aria-pressed", String(tab.dataset.view === settings.view)); });
    this.output.legend.classList.toggle("cs-hidden", settings.view !== "output");
    const side = this.find(".numbers");
    if (side.dataset.view !== settings.view) { side.dataset.view = settings.view; side.replaceChildren(...this.view.numbers); }
    const text = this.view.show();
    this.controls.sync(settings, block, settings.view === "target" ? this.editor.shown : null);
    this.find(".sentence").textContent = text;
    const { note } = block;
    if (!note) this.notice("", []);
    else this.notice(fill(words[`note_${note.kind}`], { own: note.own, best: note.best.toFixed(2), model: words[`model_${note.model}`], shown: note.shown }), [note.kind === "nothing" ? ["example", words.show_example] : ["own", words.show_own]]);
    this.showing = false;
    clearTimeout(this.saying);
    this.saying = setTimeout(() => { this.find(".heard").textContent = `${this.find(".numbers h3")?.textContent || ""} ${text}`; }, 600);
  }

  notice(text, buttons) {
    const box = this.find(".notice");
    box.classList.toggle("cs-hidden", !text);
    box.replaceChildren(make("span", {}, text), ...buttons.map(([photo, label]) => make("button", { class: "cs-button", onclick: () => this.ask({ photo, row: -1, column: -1 }) }, label)));
  }

  ask(values) { Object.assign(this.settings, values); this.exchange.ask(); }

  change(values) { Object.assign(this.settings, values); this.show(); this.exchange.rest(); }

  startAgain(values) { this.reload = true; this.editor.selected = -1; this.ask(values); }

  layout() {
    if (!this.find(".picture").clientWidth || !this.block) return;
    this.editor.fit(Math.max(window.innerHeight * (window.innerWidth <= 900 ? 0.5 : 0.6), 240));
  }

  close() { super.close(); this.observer.disconnect(); clearTimeout(this.saying); }
}

export default mounted(GridScreen, ".grid-screen");
