// The classes to explain: the most probable ones as bars, any other by its name or number.
import { fill, make } from "../shared/dom.js";

export function foundClass(text, names, count) {         // what a person typed: a number, a name, or the start of one; −1
  const wanted = text.trim().toLowerCase();
  if (!wanted) return -1;
  if (/^\d+$/.test(wanted) && Number(wanted) < count) return Number(wanted);
  const lowered = names.map((name) => name.toLowerCase());
  for (const fits of [(name) => name === wanted, (name) => name.startsWith(wanted), (name) => name.includes(wanted)]) {
    const place = lowered.findIndex(fits);
    if (place >= 0) return place;
  }
  return -1;
}

export class ClassList {
  constructor(find, words, choose) {
    this.list = find(".classes"); this.words = words; this.choose = choose;
    find(".class-title").textContent = words.class_title;
    this.list.setAttribute("aria-label", words.class_title);
    this.note = make("span", { class: "search-note" });
    this.options = make("datalist", { id: "attribution-classes" });
    this.input = make("input", { type: "search", placeholder: words.search, "aria-label": words.search, list: "attribution-classes",
      onchange: () => this.searched() });
    find(".search").replaceChildren(this.input, this.options, this.note);
  }

  searched() {
    const found = foundClass(this.input.value, this.names, this.count);
    this.note.textContent = found < 0 && this.input.value.trim() ? fill(this.words.no_class, { count: this.count }) : "";
    if (found >= 0) { this.input.value = ""; this.choose(found); }
  }

  show(prediction, names) {
    if (names !== this.names) this.options.replaceChildren(...names.map((name) => make("option", { value: name })));
    this.names = names; this.count = prediction.classes;
    this.list.replaceChildren(...prediction.top.map(([index, name, probability, logit]) => {
      const bar = make("i"); bar.style.width = `${100 * probability}%`;
      return make("button", { type: "button", class: "class", role: "radio", "aria-checked": String(index === prediction.target), "data-class": index,
        title: fill(this.words.class_hint, { index, logit: logit.toFixed(2) }), onclick: () => this.choose(index) },
      bar, make("span", { class: "class-name" }, name), make("span", { class: "share" }, `${(100 * probability).toFixed(1)} %`));
    }));
  }
}
