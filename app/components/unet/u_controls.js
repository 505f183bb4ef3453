// The narrow column: the network, the switches, what is drawn, and the mask: painted, uploaded or known.
import { make, fill } from "../shared/dom.js";
import { choiceField, group, rangeField } from "../shared/fields.js";
import { readableCount } from "../shared/numbers.js";

export class UControls {
  constructor(root, words, change, result) {
    this.words = words; this.result = result; this.change = change;
    const names = Object.keys(words.networks);
    this.net = choiceField(words.network, names.map((id) => [id, words[`net_${id}`]]), (net) => change({ net, channel: -1 }));
    this.facts = make("p", { class: "facts" });
    this.all = make("button", { class: "cs-button", type: "button", onclick: () => change({ skips: this.skips.replaceAll("0", "1") }) }, words.all_on);
    this.none = make("button", { class: "cs-button", type: "button", onclick: () => change({ skips: this.skips.replaceAll("1", "0") }) }, words.all_off);
    this.opacity = rangeField(words.opacity, 0, 100, 1, (opacity) => change({ opacity }), "%");
    this.brushes = make("div", { class: "brushes", role: "radiogroup", "aria-label": words.brush });
    this.radius = rangeField(words.brush_size, 0, 40, 1, (radius) => { result.radius = radius; });
    this.file = make("input", { type: "file", accept: "image/png,image/bmp,image/webp", class: "cs-hidden", onchange: () => this.uploaded() });
    this.known = this.button(words.mask_known, () => result.setMask(result.truth.data.slice()));
    this.undo = this.button(words.undo, () => result.undo());
    this.clear = this.button(words.clear, () => { result.setBrush(-1); result.setMask(new Uint8Array(result.mask.length).fill(255)); result.see("result"); });
    this.save = this.button(words.mask_save, async () => give(await result.maskFile(), "mask.png"));
    this.csv = this.button(words.scores_save, () => give(new Blob([result.table.csv()], { type: "text/csv" }), "scores.csv"));
    this.said = make("p", { class: "said", role: "status" });
    root.replaceChildren(
      group(words.group_network, true, this.net, this.facts),
      group(words.group_skips, true, make("div", { class: "row" }, this.all, this.none)),
      group(words.group_view, true, this.opacity),
      group(words.group_mask, true, make("p", { class: "facts" }, words.mask_hint), this.brushes, this.radius,
        make("div", { class: "row" }, this.known, this.button(words.mask_upload, () => this.file.click()), this.undo, this.clear, this.save, this.csv), this.file, this.said));
    this.radius.set(result.radius);
    result.onMask = () => this.showMask();
  }

  button(text, press) { return make("button", { class: "cs-button", type: "button", onclick: press }, text); }

  async uploaded() {
    const [file] = this.file.files;
    this.file.value = "";
    if (!file) return;
    const error = await this.result.upload(file);
    this.said.textContent = error ? this.words[error] : "";
  }

  sync(settings, network, u) {
    const { words } = this;
    this.skips = settings.skips;
    this.net.set(settings.net);
    this.opacity.set(settings.opacity);
    this.facts.textContent = fill(words.facts, { parameters: readableCount(network.parameters), classes: network.classes.length, iou: network.iou ? network.iou.toFixed(2) : "–" });
    if (this.built !== network) this.buildBrushes(network);
    this.known.classList.toggle("cs-hidden", !u?.truth);
  }

  buildBrushes(network) {
    this.built = network;
    const { words } = this, brushes = [[-1, words.brush_none, null], ...network.classes.map((name, i) => [i, name, network.colours[i]]), [network.classes.length, words.eraser, null]];
    this.brushes.replaceChildren(...brushes.map(([index, name, colour]) => make("button", { class: "cs-button brush", type: "button", role: "radio", "data-brush": index, onclick: () => { this.result.setBrush(index); this.showMask(); } },
      colour ? make("i", { class: "swatch", style: `background: rgb(${colour.join(" ")})` }) : null, name)));
    this.result.brush = -1;
    this.said.textContent = "";
    this.showMask();
  }

  showMask() {
    const { result } = this, there = Boolean(result.marked);
    for (const button of this.brushes.children) button.setAttribute("aria-checked", String(Number(button.dataset.brush) === result.brush));
    this.undo.disabled = !result.undone.length;
    for (const button of [this.clear, this.save, this.csv]) button.disabled = !there;
  }
}

function give(blob, name) {
  const link = make("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
