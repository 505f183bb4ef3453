// The home page: a card for each screen, made from the current picture; search filters as one types.
import { unpack } from "../shared/wire.js";
import { fill, make } from "../shared/dom.js";
import { LiveChannel } from "../shared/live.js";
import { mounted } from "../shared/mounted.js";

const EMPTY = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==";   // one clear pixel: the panel's colour shows

class Gallery {
  constructor(root) {
    this.root = root;
    this.search = root.querySelector(".search");
    this.search.addEventListener("input", () => this.draw());
    this.search.addEventListener("keydown", (event) => {
      const first = root.querySelector(".card");
      if (event.key === "Enter" && first) first.click();
    });
  }

  update(component) {
    this.component = component;
    this.state = unpack(component.data);
    const { words, recent, live } = this.state;
    this.search.placeholder = words.search;
    this.search.setAttribute("aria-label", words.search);
    const links = recent.map((card) => this.link(card, "cs-button", card.title));
    this.root.querySelector(".recent").replaceChildren(...(links.length ? [words.recent, ...links] : []));
    const address = JSON.stringify(this.state.address);
    if (address !== this.address) { this.address = address; this.images = new Map(); }
    for (const card of this.cards) if (card.image) this.images.set(card.slug, card.image);
    if (live && !this.channel) this.channel = new LiveChannel(live, (answer) => this.arrived(answer));
    else this.channel?.renew(live);
    this.draw();
    this.askNext();
  }

  get cards() { return this.state.sections.flatMap((section) => section.cards); }

  // Cards that are not made yet come one after another: some screens run a network, and home does not wait for it.
  askNext() {
    const missing = this.cards.find((card) => !this.images.has(card.slug));
    if (!missing) return;
    this.asked = missing.slug;
    this.channel?.request("gallery", { ...this.state.address, slug: missing.slug, address: this.address });
  }

  arrived(answer) {
    if (answer.error) this.images.set(this.asked, "");
    else if (answer.address === this.address) this.images.set(answer.slug, answer.image);
    const place = this.root.querySelector(`.card[data-slug="${CSS.escape(answer.slug || "")}"] img`);
    if (place && this.images.get(answer.slug)) place.src = this.images.get(answer.slug);
    this.askNext();
  }

  draw() {
    const { words, sections } = this.state;
    const asked = this.search.value.trim().toLowerCase();
    const matches = (card) => asked.split(/\s+/).every((word) => card.find.toLowerCase().includes(word));
    const shown = sections.map((section) => ({ ...section, cards: section.cards.filter(matches) })).filter((s) => s.cards.length);
    this.root.querySelector(".sections").replaceChildren(...shown.map((section) => make("section", { class: "section" },
      make("h2", {}, section.title),
      make("div", { class: "grid" }, section.cards.map((card) => this.link(card, "card",
        make("img", { src: this.images.get(card.slug) || EMPTY, alt: card.alt }),
        make("div", {}, make("h3", {}, card.title), make("p", {}, card.subtitle))))))));
    this.root.querySelector(".none").textContent = shown.length ? "" : fill(words.nothing_found, { asked });
  }

  close() { this.channel?.close(); }

  link(card, kind, ...content) {                    // a real link (new tab, middle click), opened in place on a plain click
    return make("a", { class: kind, href: card.slug + window.location.search, "data-slug": card.slug,
      onclick: (event) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
        event.preventDefault();
        this.component.setTriggerValue("open", card.slug);
      } }, ...content);
  }
}

export default mounted(Gallery, ".sections");
