// What was found as a table: a row a box, linked with the picture both ways.
import { make } from "../shared/dom.js";

const MOST_ROWS = 200;

export class FoundTable {
  constructor(root, words, hooks) {                    // hooks: point(place | null), pick(place | null, again: lets go)
    this.words = words; this.hooks = hooks; this.rows = new Map();
    this.body = make("tbody");
    const head = ["number", "category", "score", "corner", "size"].map((name) => make("th", { scope: "col" }, words[`column_${name}`]));
    this.box = make("div", { class: "found-scroll", tabindex: "0", role: "group", "aria-label": words.table_title },
      make("table", { class: "found" }, make("thead", {}, make("tr", {}, head)), this.body));
    this.box.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1, Home: -1e6, End: 1e6 }[event.key], places = [...this.rows.keys()];
      if (event.key === "Escape") { hooks.pick(null); return; }
      if (!step || !places.length) return;
      event.preventDefault();
      const now = places.indexOf(this.active);
      hooks.pick(places[Math.min(Math.max(now + step, 0), places.length - 1)]);
    });
    this.body.addEventListener("pointerleave", () => hooks.point(null));
    root.replaceChildren(make("h3", {}, words.table_title), this.box);
  }

  show(found, chosen, colours) {
    const key = `${chosen.kept.join()}`;
    if (found === this.found && key === this.key) return;
    this.found = found; this.key = key; this.rows.clear();
    this.body.replaceChildren(...chosen.kept.slice(0, MOST_ROWS).map((place, i) => {
      const [x1, y1, x2, y2] = found.boxOf(place), label = found.labels[place], [r, g, b] = colours[label % colours.length];
      const swatch = make("i", { class: "swatch" });
      swatch.style.background = `rgb(${r} ${g} ${b})`;
      const row = make("tr", { onpointerenter: () => this.hooks.point(place), onclick: () => this.hooks.pick(place, true) },
        make("td", {}, String(i + 1)), make("td", {}, swatch, found.categories[label] ?? String(label)), make("td", {}, found.scores[place].toFixed(4)),
        make("td", {}, `${x1.toFixed(1)}, ${y1.toFixed(1)}`), make("td", {}, `${(x2 - x1).toFixed(1)} × ${(y2 - y1).toFixed(1)}`));
      this.rows.set(place, row);
      return row;
    }));
    this.mark(this.active, false);
  }

  mark(active, follow = true) {
    this.active = active;
    for (const [place, row] of this.rows) row.classList.toggle("chosen", place === active);
    const row = this.rows.get(active), { box } = this;
    if (!row || !follow) return;
    const top = row.offsetTop - 28, end = row.offsetTop + row.offsetHeight;
    if (top < box.scrollTop) box.scrollTop = top; else if (end > box.scrollTop + box.clientHeight) box.scrollTop = end - box.clientHeight;
  }
}
