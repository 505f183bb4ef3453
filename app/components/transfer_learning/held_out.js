// Every held-out picture with what the network calls it, by kind, mistakes first; before a training, samples of what is learned.
import { fill, make } from "../shared/dom.js";
import { percent } from "./stage_card.js";

export function answersOf(probabilities, classes, place) {   // [[category, probability]] of one picture, likeliest first
  const row = [...probabilities.subarray(place * classes, (place + 1) * classes)];
  return row.map((value, category) => [category, value]).sort((a, b) => b[1] - a[1]);
}

export class HeldOut {
  constructor(root, about) { this.root = root; this.about = about; this.pinned = null; }

  show(state, probabilities) {
    this.state = state; this.probabilities = probabilities;
    const { categories, words, counts } = state;
    this.root.replaceChildren(...categories.flatMap((name, category) => {
      const places = probabilities ? this.placesOf(category) : state.samples[category];
      const [train, held] = counts[category];
      const wrong = probabilities ? places.filter((place) => this.answer(place)[0][0] !== category).length : 0;
      const beside = probabilities ? fill(words.kind_wrong, { wrong, of: held }) : fill(words.kind_counts, { train, held });
      return [make("p", { class: "kind" }, `${name} `, make("small", {}, beside)), ...places.map((place) => this.tile(place, category))];
    }));
    this.tell();
  }

  answer(place) { return answersOf(this.probabilities, this.state.categories.length, place); }

  placesOf(category) {
    const right = (place) => this.answer(place)[0][0] === category;
    const places = this.state.labels.flatMap((label, place) => (label === category ? [place] : []));
    return [...places.filter((place) => !right(place)), ...places.filter(right)];
  }

  tile(place, category) {
    const { sprite, url, categories } = this.state;
    const rows = Math.max(...this.state.samples.flat(), sprite.held - 1) / sprite.columns + 1 | 0;
    const left = sprite.columns > 1 ? 100 * (place % sprite.columns) / (sprite.columns - 1) : 0;
    const top = rows > 1 ? 100 * (place / sprite.columns | 0) / (rows - 1) : 0;
    const photo = make("span", { class: "photo", role: "img", "aria-label": categories[category] });
    photo.style.backgroundImage = `url("${url}")`;
    photo.style.backgroundSize = `${100 * sprite.columns}% ${100 * rows}%`;
    photo.style.backgroundPosition = `${left}% ${top}%`;
    if (!this.probabilities) return make("div", { class: "tile" }, photo);
    const [best, share] = this.answer(place)[0];
    return make("button", { class: "tile", type: "button", "data-right": String(best === category), "aria-pressed": String(this.pinned === place),
      onpointerenter: () => this.tell(place), onfocus: () => this.tell(place), onpointerleave: () => this.tell(),
      onclick: () => { this.pinned = this.pinned === place ? null : place; this.mark(); this.tell(); }, "data-place": place,
    }, photo, make("span", { class: "said" }, make("span", {}, categories[best]), make("small", {}, percent(share))));
  }

  mark() { for (const tile of this.root.querySelectorAll("button.tile")) tile.setAttribute("aria-pressed", String(Number(tile.dataset.place) === this.pinned)); }

  tell(place = this.pinned) {
    if (!this.probabilities || place === null || place >= this.state.labels.length) { this.about.textContent = ""; return; }
    const { categories, labels, words } = this.state;
    const said = this.answer(place).slice(0, 3).map(([category, share]) => `${categories[category]} ${(100 * share).toFixed(1)} %`).join(" · ");
    this.about.textContent = fill(words.about, { is: categories[labels[place]], said });
  }
}
