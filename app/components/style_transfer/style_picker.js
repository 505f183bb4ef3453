// The styles of a run, each with its share, and the sheet to take another one from: paintings, the person's own, the rest.
import { make } from "../shared/dom.js";
import { rangeField } from "../shared/fields.js";

const MOST = 3, MOST_BYTES = 20_000_000;

export function readShares(text) {                          // "a~1,b~0.5" → [["a", 1], ["b", 0.5]]
  return text.split(",").filter(Boolean).map((part) => { const [key, number] = part.split("~"); return [key, number === undefined ? 1 : Number(number)]; });
}

export function writeShares(pairs) { return pairs.map(([key, share]) => `${key}~${Number(share.toFixed(2))}`).join(","); }

export class StylePicker {
  constructor(studio, change) {
    this.studio = studio; this.change = change; this.slot = null;
    this.list = make("div", { class: "styles" }); this.sheet = make("div", { class: "style-sheet cs-hidden" });
    this.input = make("input", { type: "file", class: "cs-hidden style-file", accept: "image/*,.avif,.tif,.tiff", onchange: () => { const [file] = this.input.files; this.input.value = ""; if (file) this.upload(file); } });
    this.bad = make("p", { class: "bad", role: "alert" });
    this.element = make("div", {}, this.list, this.sheet, this.bad, this.input);
  }

  get pairs() { return this.studio.block.styles.map(({ key }, i) => [key, readShares(this.studio.settings.styles).find(([one]) => one === key)?.[1] ?? this.studio.block.styles[i].share]); }

  set(pairs) { this.change({ styles: writeShares(pairs) }); }

  add(key) { this.slot = this.slot ?? this.pairs.length; this.pick(key); }

  sync(block) {
    const { words } = block, seen = JSON.stringify([block.styles.map((style) => style.key), words.language, block.gallery.id]);
    if (seen !== this.seen) { this.seen = seen; this.rebuild(block, words); }
    this.pairs.forEach(([, share], i) => this.fields[i]?.set(share));
  }

  rebuild(block, words) {
    const several = block.styles.length > 1;
    this.fields = block.styles.map((style, i) => (several ? rangeField(words.style_share, 0, 2, 0.05, (share) => { const pairs = this.pairs; pairs[i][1] = share; if (pairs.some(([, s]) => s > 0)) this.set(pairs); }) : null));
    this.list.replaceChildren(...block.styles.map((style, i) => make("div", { class: "style-row" },
      make("button", { class: "style-thumb", type: "button", title: words.change_style, "aria-label": `${words.change_style}: ${style.name}`, onclick: () => this.open(i) }, make("img", { src: style.thumb, alt: style.alt })),
      make("div", {}, make("span", { class: "style-name" }, style.name), this.fields[i]?.element,
        make("div", { class: "row" }, make("button", { class: "cs-button small", type: "button", onclick: () => this.open(i) }, words.change_style),
          several ? make("button", { class: "cs-button small", type: "button", onclick: () => this.set(this.pairs.filter((_, place) => place !== i)) }, words.remove_style) : null)))),
      block.styles.length < MOST ? make("button", { class: "cs-button small add-style", type: "button", onclick: () => this.open(block.styles.length) }, words.add_style) : "");
    this.close();
  }

  open(slot) {
    if (this.slot === slot) { this.close(); return; }
    this.slot = slot;
    const { block } = this.studio, { words } = block, { cards } = this.studio.parts.get(block.gallery.id);
    const taken = this.pairs.map(([key]) => key);
    const groups = ["painting", "own", "other"].map((kind) => [words[`styles_${kind}`], cards.filter((card) => card.kind === kind)]).filter(([, listed]) => listed.length);
    this.sheet.replaceChildren(make("button", { class: "cs-button small upload-style", type: "button", onclick: () => this.input.click() }, words.upload_style),
      ...groups.map(([title, listed]) => make("section", {}, make("h3", {}, title), make("div", { class: "style-cards" }, listed.map((card) => make("button", {
        class: "style-card", type: "button", title: card.name, "data-style": card.key, disabled: taken.includes(card.key), onclick: () => this.pick(card.key) },
        make("img", { src: card.thumb, alt: card.alt, loading: "lazy" })))))));
    this.sheet.classList.remove("cs-hidden");
  }

  close() { this.slot = null; this.sheet.classList.add("cs-hidden"); }

  pick(key) {
    const pairs = this.pairs;
    if (this.slot < pairs.length) pairs[this.slot][0] = key; else if (pairs.length < MOST) pairs.push([key, 1]); else pairs[MOST - 1][0] = key;
    this.close();
    this.set(pairs);
  }

  async upload(file) {                                      // kept with the person's pictures, and the style of this slot
    const { block } = this.studio, { words } = block;
    this.bad.textContent = "";
    if (file.size > MOST_BYTES) { this.bad.textContent = words.upload_large; return; }
    if (!block.live) {
      const reader = new FileReader();
      reader.onload = () => this.studio.exchange.component.setTriggerValue("uploaded", { data: reader.result.split(",")[1] || "", at: Date.now() });
      reader.readAsDataURL(file);
      return;
    }
    try {
      const reply = await fetch(new URL("convscope/upload", document.baseURI), { method: "POST", body: file, headers: { "X-ConvScope-Token": block.live.token } });
      const answer = await reply.json();
      if (answer.error) this.bad.textContent = answer.error[words.language]; else this.add(answer.key);
    } catch { this.bad.textContent = words.upload_lost; }
  }
}
