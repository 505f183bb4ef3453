// What a unit sees, by the rule and by gradients; and the reverse: which units of every layer see a pixel.
import { make } from "../shared/dom.js";
import { LayerTable } from "../receptive_field/layer_table.js";
import { Verdict } from "../receptive_field/verdict.js";

export class FieldPanel {
  constructor(root, screen) {
    this.screen = screen; this.root = root;
    const { words } = screen, { fieldWords } = screen;
    this.hint = make("p", { class: "hint" }, words.field_hint);
    this.heat = make("input", { type: "checkbox", "data-control": "heat", onchange: () => screen.change({ heat: this.heat.checked, on: this.heat.checked ? "heat" : "box" }) });
    this.back = make("button", { type: "button", class: "cs-button", onclick: () => screen.change({ px: -1, py: -1 }) }, words.field_back);
    const verdict = make("div", { class: "verdict" }), table = make("div", { class: "layers" });
    this.none = make("p", { class: "hint cs-hidden" }, words.field_none);
    this.body = make("div", { class: "field-body" }, make("div", { class: "tools" }, make("label", { class: "tool" }, this.heat, make("span", {}, words.field_heat)), this.back), verdict, table);
    root.replaceChildren(this.hint, this.none, this.body);
    this.verdict = new Verdict(verdict, { ...fieldWords, drawn_own: words.field_drawn });
    this.table = new LayerTable(table, fieldWords, (place) => screen.goTo(screen.fields.layers[place].name));
  }

  show() {
    const { screen } = this, { fields, values, words } = screen, place = screen.fieldPlace;
    this.none.classList.toggle("cs-hidden", place >= 0);
    this.none.textContent = fields?.layers.length ? words.field_none_layer : words.field_none;
    this.body.classList.toggle("cs-hidden", !fields?.layers.length);
    if (!fields?.layers.length) return;
    this.heat.checked = values.heat;
    this.back.classList.toggle("cs-hidden", !screen.pixel);
    const listed = fields.layers.map((_, i) => i).filter((i) => fields.layers[i].changes || i === place);
    this.table.show(fields.layers, listed, place, fields.id);
    this.table.showSeeing(screen.pixel ? (i) => fields.geometry.units(i, ...screen.pixel) : null);
    if (place < 0) return;
    const layer = fields.layers[place], unit = screen.fieldUnit;
    if (screen.pixel) this.verdict.pixel(layer, ...screen.pixel, fields.geometry.units(place, ...screen.pixel));
    else this.verdict.unit(layer, ...unit, fields.geometry.box(place, ...unit), screen.picture.image.shape);
    const heat = screen.pixel ? null : screen.heat;
    this.verdict.measured(heat ? { ...heat, draws: 1 } : null, { weights: "own" }, 0, values.heat && !heat && !screen.pixel && screen.exchange.waiting);
  }
}
