// Silence, scale or replace channels and cut connections; undo; and the channels that matter most, measured one by one.
import { fill, make } from "../shared/dom.js";
import { valueText } from "./unit_views.js";

const TOP = 5;

export function editsOf(text) { return text ? text.split(";").filter(Boolean) : []; }

export function withEdit(text, edit) {                     // one that changes the same channel or connection gives way
  const key = edit.split("=")[0];
  return [...editsOf(text).filter((one) => one.split("=")[0] !== key), edit].slice(-24).join(";");
}

export class Switchboard {
  constructor(root, screen) {
    this.screen = screen; this.past = [];
    const { words } = screen, button = (text, action, name) => make("button", { type: "button", class: "cs-button", "data-action": name, onclick: action }, text);
    const put = (value) => this.put(`${screen.layer}@${screen.channel}=${value}`);
    this.factor = make("input", { type: "range", min: 0, max: 3, step: 0.1, value: 1, "aria-label": words.scale_channel, oninput: () => { this.factorText.textContent = `× ${this.factor.value}`; put(this.factor.value); } });
    this.factorText = make("output", {}, "× 1");
    this.replaceBy = make("input", { type: "number", class: "number", min: 0, value: 0, "aria-label": words.replace_by });
    this.title = make("h3");
    this.channelTools = make("div", { class: "tools" }, button(words.silence, () => put(0), "silence"), make("label", { class: "tool" }, make("span", {}, words.scale_channel), this.factor, this.factorText),
      button(words.replace_mean, () => put("mean"), "mean"), make("span", { class: "tool" }, button(words.replace_by, () => put(`c${Math.min(Math.max(Number(this.replaceBy.value) || 0, 0), screen.shape[0] - 1)}`), "replace"), this.replaceBy),
      button(words.silence_layer, () => this.put(`${screen.layer}@all=0`), "layer"));
    this.undo = button(words.undo, () => this.back(), "undo"); this.clear = button(words.clear, () => this.set(""), "clear");
    this.list = make("ul", { class: "edits" }); this.joins = make("div", { class: "joins" }); this.top = make("div", { class: "top-channels" });
    this.find = button(words.find_top, () => screen.measureEffects(true), "find");
    root.replaceChildren(this.title, this.channelTools, make("div", { class: "tools" }, this.undo, this.clear), this.list,
      make("section", {}, make("h3", {}, words.top_title), make("p", { class: "hint" }, words.top_hint), this.find, this.top), make("section", {}, make("h3", {}, words.joins_title), make("p", { class: "hint" }, words.joins_hint), this.joins));
  }

  put(edit) { this.set(withEdit(this.screen.values.edits, edit)); }

  set(text) {
    if (text === this.screen.values.edits) return;
    this.past.push(this.screen.values.edits); this.past = this.past.slice(-50);
    this.screen.change({ edits: text });
  }

  back() { if (this.past.length) this.screen.change({ edits: this.past.pop() }); }

  show() {
    const { screen } = this, { words, values } = screen, edits = editsOf(values.edits);
    this.title.textContent = fill(words.edit_title, { layer: screen.layer, channel: screen.channel ?? "–" });
    this.channelTools.classList.toggle("cs-hidden", !screen.shape);
    const own = edits.find((edit) => edit.startsWith(`${screen.layer}@${screen.channel}=`))?.split("=")[1], factor = Number(own ?? 1);
    if (this.factor.getRootNode().activeElement !== this.factor) { this.factor.value = Number.isFinite(factor) ? factor : 1; this.factorText.textContent = `× ${this.factor.value}`; }
    this.undo.disabled = !this.past.length; this.clear.disabled = !edits.length;
    this.list.replaceChildren(...(edits.length ? edits.map((edit) => make("li", {}, make("span", {}, this.say(edit)), make("button", { type: "button", class: "cs-button", "aria-label": words.take_back, title: words.take_back, onclick: () => this.set(edits.filter((one) => one !== edit).join(";")) }, "×"))) : [make("li", { class: "hint" }, words.no_edits)]));
    this.showTop(edits);
    this.showJoins(edits);
  }

  say(edit) {
    const { words } = this.screen, [layer, at] = edit.split("!");
    if (at !== undefined) return fill(words.edit_cut, { layer, input: this.screen.nodeOf(layer)?.inputs[Number(at)] || at });
    const [place, value] = edit.split("="), [name, channel] = place.split("@"), values = { layer: name, channel };
    if (channel === "all") return fill(words.edit_layer, values);
    if (value === "mean") return fill(words.edit_mean, values);
    if (value.startsWith("c")) return fill(words.edit_replace, { ...values, by: value.slice(1) });
    return Number(value) === 0 ? fill(words.edit_silence, values) : fill(words.edit_scale, { ...values, factor: value });
  }

  showTop(edits) {
    const { screen } = this, { effects, words } = screen;
    this.find.disabled = !screen.canMeasure || (screen.measuring && Boolean(effects));
    if (!effects) { this.top.replaceChildren(); return; }
    const done = effects.values.length, busy = done < effects.total, bar = make("i"); bar.style.width = `${100 * done / effects.total}%`;
    const best = effects.values.map((value, channel) => [channel, value]).sort((a, b) => Math.abs(b[1]) - Math.abs(a[1])).slice(0, TOP);
    const most = Math.abs(best[0]?.[1]) || 1;
    const progress = busy ? make("div", { class: "progress" }, make("span", {}, fill(words.measuring, { done, total: effects.total })), make("div", { class: "bar" }, bar), screen.measuring ? make("button", { type: "button", class: "cs-button", onclick: () => screen.stopEffects() }, words.stop) : null) : "";
    const rows = best.map(([channel, value]) => {
      const line = make("i", { class: value < 0 ? "minus" : "plus-bar" }); line.style.width = `${50 * Math.abs(value) / most}%`; line.style.left = value < 0 ? `${50 - 50 * Math.abs(value) / most}%` : "50%";
      const edit = `${screen.layer}@${channel}=0`, silenced = edits.includes(edit);
      return make("div", { class: "top-row", "data-channel": String(channel) }, make("button", { type: "button", class: "cs-link", onclick: () => screen.chooseUnit(channel, -1, -1) }, `${words.channel} ${channel}`), make("span", { class: "signed-bar" }, line), make("b", {}, valueText(value)),
        make("button", { type: "button", class: "cs-button", onclick: () => this.set(silenced ? edits.filter((one) => one !== edit).join(";") : withEdit(screen.values.edits, edit)) }, words[silenced ? "take_back" : "silence"]));
    });
    const target = screen.answer?.rows.find((row) => row.index === effects.target);
    this.top.replaceChildren(progress || "", make("p", { class: "hint" }, fill(words.top_of, { name: target ? screen.answerPanel.nameOf(target) : effects.target })), ...rows);
  }

  showJoins(edits) {
    const { screen } = this, joins = screen.graph.nodes.filter((node) => node.joins);
    const key = `${screen.graph.id}|${edits.join(";")}`;
    if (key === this.joined) return;
    this.joined = key;
    if (!joins.length) { this.joins.replaceChildren(make("p", { class: "hint" }, screen.words.no_joins)); return; }
    this.joins.replaceChildren(...joins.map((node) => make("div", { class: "join" }, make("button", { type: "button", class: "cs-link", onclick: () => screen.goTo(node.name) }, node.name),
      node.inputs.map((input, i) => { const edit = `${node.name}!${i}`; return make("label", {}, make("input", { type: "checkbox", checked: !edits.includes(edit), "data-cut": edit,
        onchange: (event) => this.set(event.target.checked ? edits.filter((one) => one !== edit).join(";") : withEdit(screen.values.edits, edit)) }), make("span", { title: input }, input)); }))));
  }
}
