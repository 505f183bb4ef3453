// Every channel of the layer as its strongest patch; a click chooses one.
import { make } from "../shared/dom.js";
import { plainNumber } from "../shared/numbers.js";

export class Atlas {
  constructor(root, about, choose) { this.root = root; this.about = about; this.choose = choose; this.signature = ""; }

  show(state) {                                          // state: {atlas: {tile, columns, of}, url, peaks, channel, order, nameOf(channel)}
    this.state = state;
    const signature = JSON.stringify([state.id, state.order, Boolean(state.url)]);
    if (signature !== this.signature) { this.signature = signature; this.build(); }
    for (const tile of this.root.children) tile.setAttribute("aria-pressed", String(Number(tile.dataset.channel) === state.channel));
    this.tell(null);
  }

  build() {
    const { atlas, url, peaks, order } = this.state;
    const places = Array.from({ length: atlas.of }, (_, i) => i);
    if (order === "strength") places.sort((a, b) => peaks[b] - peaks[a] || a - b);
    const rows = Math.ceil(atlas.of / atlas.columns);
    this.root.style.setProperty("--atlas", `url("${url}")`);
    this.root.style.setProperty("--size", `${100 * atlas.columns}% ${100 * rows}%`);
    this.root.style.setProperty("--tile", `${Math.max(atlas.tile, 26)}px`);
    this.root.replaceChildren(...places.map((channel) => {
      const left = atlas.columns > 1 ? 100 * (channel % atlas.columns) / (atlas.columns - 1) : 0, top = rows > 1 ? 100 * Math.floor(channel / atlas.columns) / (rows - 1) : 0;
      const tile = make("button", { type: "button", class: "tile", "data-channel": channel, "data-dead": String(peaks[channel] <= 0), "aria-label": this.state.nameOf(channel),
        onpointerenter: () => this.tell(channel), onpointerleave: () => this.tell(null), onfocus: () => this.tell(channel), onclick: () => this.choose(channel) });
      tile.style.backgroundPosition = `${left}% ${top}%`;
      return tile;
    }));
  }

  tell(channel) {
    const { peaks, nameOf, hint } = this.state;
    this.about.textContent = channel === null ? hint : `${nameOf(channel)}: ${plainNumber(peaks[channel], 3)}`;
  }
}
