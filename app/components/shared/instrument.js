// A screen of its own in the browser: settings, words, parts kept from earlier answers, and what goes to and fro.
import { Exchange } from "./exchange.js";
import { unpack } from "./wire.js";

const MOST_KEPT = 6;

export class Instrument {
  // A screen has useWords(words), take(block) and, for each kind of part, an entry in `parts`.
  constructor(root, kind, parts) {
    this.find = (selector) => root.querySelector(selector);
    this.parts = Object.fromEntries(parts.map((name) => [name, new Map()]));
    this.settings = null; this.words = null; this.ready = 0;
    this.exchange = new Exchange(kind, kind, this);
  }

  get known() { return Object.values(this.parts).flatMap((part) => [...part.keys()]); }

  update(component) {                                     // data from a rerun; also called again when the theme changes
    const block = component.data === this.lastData ? null : unpack(component.data);
    this.exchange.attach(component, block);
    if (!block) { this.refresh?.(); return; }
    this.lastData = component.data;
    if (!this.settings || this.exchange.isNews(block)) this.settings = block.settings;
    if (block.words.language !== this.words?.language) { this.words = block.words; this.useWords(block.words); }
    if (JSON.stringify(block.settings) === JSON.stringify(this.settings) || !this.exchange.usable) this.take(block);
  }

  keep(name, part, present) {                             // a part the server sent, or the one kept from before; else undefined
    const kept = this.parts[name];
    if (present) { kept.delete(part.id); kept.set(part.id, part); }
    while (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value);
    return kept.get(part.id);
  }

  close() { this.exchange.close(); }
}
