// The patches that excite the channel most, each with its activation; beside them the whole picture that one is from.
import { fill, make } from "../shared/dom.js";
import { SCALES } from "../shared/colours.js";
import { plainNumber } from "../shared/numbers.js";
import { canvasOf, drawCrop, visiblePart } from "./crop.js";

export class PatchGrid {
  constructor(root, context) {
    this.root = root; this.context = context; this.over = null;
    this.whole = make("canvas", { class: "whole", role: "img" });
    this.text = make("p", { class: "quiet" });
    context.replaceChildren(this.whole, this.text);
    this.sheet = new Image();
    this.sheet.onload = () => this.draw();
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(root);
  }

  show(state) {                                          // state: {patches, url, shape, own, map, ownPeak, alt, words, signed, flat}
    this.state = state;
    if (this.over !== null && this.over >= state.patches.length) this.over = null;
    if (this.sheet.src !== state.url && state.url) this.sheet.src = state.url;
    const signature = JSON.stringify([state.patches, state.words.language]);
    if (signature !== this.signature) {
      this.signature = signature;
      const { words } = state;
      this.cells = state.patches.map((patch, place) => {
        const canvas = make("canvas", { "aria-hidden": "true" });
        const about = fill(words[state.flat ? "picture_about" : "patch_about"], { name: patch.name, value: plainNumber(patch.value, 3), row: patch.unit[0], column: patch.unit[1] });
        const element = make("button", { class: "patch", type: "button", "aria-label": about, "data-value": patch.value,
          onpointerenter: () => this.point(place), onpointerleave: () => this.point(null), onfocus: () => this.point(place), onblur: () => this.point(null) },
        canvas, make("span", {}, plainNumber(patch.value, 3)));
        return { element, canvas };
      });
      this.root.replaceChildren(...this.cells.map((cell) => cell.element));
      if (!state.patches.length) this.root.replaceChildren(...Array.from({ length: 9 }, () => make("span", { class: "patch skeleton" })));
    }
    this.ownPicture = canvasOf(state.own);
    this.ownHeat = heatOf(state.map, state.signed);
    this.draw();
  }

  point(place) { this.over = place; this.drawContext(); }

  draw() {
    if (!this.state) return;
    const [, height, width] = this.state.shape;
    if (this.sheet.complete && this.sheet.naturalWidth === width * this.state.patches.length) {
      this.state.patches.forEach((patch, place) => drawCrop(this.cells[place].canvas, this.sheet, patch.box, [place * width, 0, width, height]));
    }
    this.drawContext();
  }

  drawContext() {                                        // the picture of the patch pointed at; else the current one under the channel's map
    const { state, over } = this, { words } = state, [, height, width] = state.shape, patch = over === null ? null : state.patches[over];
    const ratio = window.devicePixelRatio || 1, side = this.whole.clientWidth || 200, scale = side * ratio / width;
    this.whole.width = Math.round(side * ratio); this.whole.height = Math.round(height * scale);
    const pen = this.whole.getContext("2d");
    pen.imageSmoothingEnabled = false;
    if (patch) pen.drawImage(this.sheet, over * width, 0, width, height, 0, 0, this.whole.width, this.whole.height);
    else {
      pen.drawImage(this.ownPicture, 0, 0, this.whole.width, this.whole.height);
      pen.drawImage(this.ownHeat, 0, 0, this.whole.width, this.whole.height);
    }
    const [x1, y1, x2, y2] = visiblePart(patch ? patch.box : state.ownPeak.box, [width, height]);
    for (const [colour, thick] of [["#fff", 4], [getComputedStyle(this.root).getPropertyValue("--st-primary-color").trim() || "#b8127b", 2]]) {
      pen.strokeStyle = colour; pen.lineWidth = thick * ratio;
      pen.strokeRect(x1 * scale, y1 * scale, (x2 - x1) * scale, (y2 - y1) * scale);
    }
    const shown = patch || state.ownPeak, values = { name: shown.name || state.alt, value: plainNumber(shown.value, 3), row: shown.unit[0], column: shown.unit[1] };
    this.text.textContent = fill(words[(patch ? (state.flat ? "picture_about" : "patch_about") : state.flat ? "own_score" : "own_about")], values);
    this.whole.setAttribute("aria-label", this.text.textContent);
  }
}

function heatOf(map, signed) {                           // the channel's map in colours that cover where it is strong, unit by unit
  const [rows, columns] = map.shape, canvas = make("canvas", { width: columns, height: rows }), image = new ImageData(columns, rows);
  let most = 0;
  for (const value of map.data) most = Math.max(most, Math.abs(value));
  const lut = signed ? SCALES.signed : SCALES.magnitude;
  map.data.forEach((value, i) => {
    const share = most ? value / most : 0, entry = signed ? Math.round(share * 127) + 128 : Math.round(Math.max(share, 0) * 255), packed = lut[entry];
    image.data.set([packed & 255, packed >> 8 & 255, packed >> 16 & 255, Math.round(200 * Math.sqrt(Math.abs(share)))], 4 * i);
  });
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}
