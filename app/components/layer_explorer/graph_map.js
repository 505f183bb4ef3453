// The map of the network: its real graph, blocks folded or open, searched, marked, one layer chosen.
import { fill, make } from "../shared/dom.js";
import { readableCount } from "../shared/numbers.js";
import { NODE, collapseGraph, collapsedAt, layoutGraph, pathOf } from "./graph_layout.js";

const DEPTHS = { overview: 1, blocks: 2, layers: 0 }, MOST_SHOWN = 70;
const SVG = "http://www.w3.org/2000/svg";

export function familyOf(kind) {                         // which colour a layer has
  const name = kind.toLowerCase();
  if (name === "block") return "block";
  if (name === "input") return "input";
  if (/conv/.test(name)) return "conv";
  if (/norm/.test(name)) return "norm";
  if (/pool|mean/.test(name)) return "pool";
  if (/linear|attention/.test(name)) return "linear";
  if (/add|cat|concat|mul|sub/.test(name)) return "join";
  if (/relu|silu|swish|gelu|elu|sigmoid|tanh|mish|softmax/.test(name)) return "bend";
  return "other";
}

function svg(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== null) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export class GraphMap {
  constructor(root, words, choose) {
    this.words = words; this.choose = choose; this.zoom = 1; this.open = new Set(); this.depth = null; this.found = [];
    this.search = make("input", { type: "search", class: "search", placeholder: words.search, "aria-label": words.search,
      oninput: () => this.lookFor(this.search.value), onkeydown: (event) => { if (event.key === "Enter") this.nextFound(); } });
    this.levels = make("div", { class: "levels", role: "group", "aria-label": words.detail }, Object.keys(DEPTHS).map((name) => make("button",
      { type: "button", class: "cs-button", "data-level": name, onclick: () => this.show(this.graph, this.layer, name) }, words[`detail_${name}`])));
    const zoom = (factor, label, text) => make("button", { type: "button", class: "cs-button", "aria-label": label, title: label, onclick: () => this.zoomBy(factor) }, text);
    this.box = make("div", { class: "graph-scroll", tabindex: "0", role: "listbox", "aria-label": words.map_title });
    this.count = make("span", { class: "found" });
    this.keyhole = make("div", { class: "graph-tools" }, this.search, this.count, this.levels, make("div", { class: "zooms" },
      zoom(1 / 1.25, words.zoom_out, "−"), zoom(1.25, words.zoom_in, "+"), zoom(0, words.zoom_fit, "⤢")));
    this.about = make("div", { class: "graph-about" });
    root.replaceChildren(this.keyhole, this.box, this.about);
    this.box.addEventListener("keydown", (event) => this.key(event));
    this.box.addEventListener("wheel", (event) => { if (event.ctrlKey || event.metaKey) { event.preventDefault(); this.zoomBy(Math.exp(-event.deltaY * 0.003)); } }, { passive: false });
    this.drag();
  }

  drag() {
    let from = null;
    this.box.addEventListener("pointerdown", (event) => { if (event.pointerType === "mouse" && !event.target.closest(".node")) from = [event.clientX + this.box.scrollLeft, event.clientY + this.box.scrollTop]; });
    window.addEventListener("pointermove", this.moving = (event) => { if (from) { this.box.scrollLeft = from[0] - event.clientX; this.box.scrollTop = from[1] - event.clientY; } });
    window.addEventListener("pointerup", this.ending = () => { from = null; });
  }

  close() { window.removeEventListener("pointermove", this.moving); window.removeEventListener("pointerup", this.ending); }

  levelFor(nodes) {                                      // the finest that a person still overlooks
    if (nodes.length <= MOST_SHOWN / 2) return "layers";
    return collapseGraph(nodes, collapsedAt(nodes, 2)).length <= MOST_SHOWN ? "blocks" : "overview";
  }

  show(graph, layer, level = null) {
    const fresh = this.graph?.id !== graph.id && this.graph?.nodes.map((n) => n.name).join() !== graph.nodes.map((n) => n.name).join();
    const known = this.graph === graph && !level;
    this.graph = graph; this.layer = layer;
    if (fresh || level) { this.open = new Set(); this.depth = level || this.levelFor(graph.nodes); }
    if (!known || fresh) this.build(); else this.mark();
    if (fresh || level || this.seen !== layer) { this.seen = layer; this.reveal(); }
  }

  get collapsed() {
    const depth = DEPTHS[this.depth], set = depth ? collapsedAt(this.graph.nodes, depth) : new Set();
    for (const scope of this.open) set.delete(scope);
    if (depth === 1) for (const scope of this.open) for (const inner of collapsedAt(this.graph.nodes, 2)) if (inner.startsWith(`${scope}.`) && !this.open.has(inner)) set.add(inner);
    return set;
  }

  build() {
    this.nodes = collapseGraph(this.graph.nodes, this.collapsed);
    this.layout = layoutGraph(this.nodes);
    const { places, edges, width, height } = this.layout;
    const lines = edges.map((edge) => svg("path", { d: pathOf(edge.points), class: "edge", "data-from": edge.from, "data-to": edge.to }));
    this.drawnNodes = new Map();
    const boxes = this.nodes.map((node) => { const shape = this.nodeShape(node, places.get(node.name)); this.drawnNodes.set(node.name, shape); return shape; });
    this.picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, class: "graph" }, ...lines, ...boxes);
    this.box.replaceChildren(this.picture);
    for (const button of this.levels.children) button.setAttribute("aria-pressed", String(button.dataset.level === this.depth));
    this.fit();
    this.lookFor(this.search.value);
    this.mark();
  }

  nodeShape(node, { x, y }) {
    const family = familyOf(node.kind), { words } = this, text = (content, attributes) => { const made = svg("text", attributes); made.textContent = content; return made; };
    const short = family === "input" ? words.input_node : node.name;
    const shape = node.shape.length ? node.shape.join("×") : "1";
    const marked = node.dead > 0.001 || node.saturated > 0.05;
    const parts = [svg("rect", { class: "body", width: NODE.width, height: NODE.height, rx: 5 }), svg("rect", { class: "stripe", width: 5, height: NODE.height, rx: 2 }),
      text(cut(short, 25), { x: 12, y: 14, class: "name" }),
      text(family === "block" ? fill(words.layers_in, { n: node.members.length }) : node.kind, { x: 12, y: 28, class: "type" }),
      text(shape, { x: NODE.width - (family === "block" ? 24 : 7), y: 28, class: "size", "text-anchor": "end" })];
    if (family === "block") {
      const plus = svg("g", { class: "plus", role: "button", "aria-label": fill(words.open_block, { name: node.name }) }, svg("rect", { x: NODE.width - 20, y: 1, width: 20, height: NODE.height - 2, rx: 4 }), text("+", { x: NODE.width - 10, y: 22, "text-anchor": "middle" }));
      plus.addEventListener("click", (event) => { event.stopPropagation(); this.open.add(node.name); this.build(); });
      parts.push(plus);
    }
    if (marked) parts.push(svg("circle", { class: node.dead > 0.001 ? "dead" : "saturated", cx: NODE.width - 8, cy: 8, r: 4 }));
    const box = svg("g", { class: `node ${family}`, transform: `translate(${x.toFixed(1)} ${y})`, "data-node": node.name, role: "option" }, ...parts);
    const title = svg("title", {}); title.textContent = `${node.name} · ${node.kind} · ${shape}`; box.append(title);
    box.addEventListener("click", () => this.choose(node.members[node.members.length - 1]));
    return box;
  }

  shownNode(layer = this.layer) { return this.nodes.find((node) => node.members.includes(layer)); }

  mark() {
    const own = this.shownNode();
    for (const [name, box] of this.drawnNodes) { box.classList.toggle("chosen", name === own?.name); box.setAttribute("aria-selected", String(name === own?.name)); }
    for (const line of this.picture.querySelectorAll(".edge")) line.classList.toggle("near", line.dataset.from === own?.name || line.dataset.to === own?.name);
  }

  reveal(name = this.shownNode()?.name) {                // bring a node into sight
    const place = this.layout.places.get(name);
    if (!place) return;
    const x = place.x * this.zoom, y = place.y * this.zoom, { box } = this;
    if (y < box.scrollTop + 8 || y + NODE.height * this.zoom > box.scrollTop + box.clientHeight - 8) box.scrollTop = y - box.clientHeight / 2 + NODE.height;
    if (x < box.scrollLeft || x + NODE.width * this.zoom > box.scrollLeft + box.clientWidth) box.scrollLeft = x - (box.clientWidth - NODE.width * this.zoom) / 2;
  }

  fit() {
    const room = this.box.clientWidth - 4;
    this.zoom = room > 0 ? Math.min(Math.max(room / this.layout.width, 0.55), 1.15) : 1;
    this.size();
    this.box.scrollLeft = (this.layout.width * this.zoom - this.box.clientWidth) / 2;
  }

  size() { this.picture.setAttribute("width", this.layout.width * this.zoom); this.picture.setAttribute("height", this.layout.height * this.zoom); }

  zoomBy(factor) {
    const { box } = this, before = this.zoom;
    this.zoom = factor ? Math.min(Math.max(this.zoom * factor, 0.15), 2.5) : Math.min(box.clientWidth / this.layout.width, box.clientHeight / this.layout.height, 1.15);
    const kept = this.zoom / before, x = (box.scrollLeft + box.clientWidth / 2) * kept, y = (box.scrollTop + box.clientHeight / 2) * kept;
    this.size();
    box.scrollLeft = x - box.clientWidth / 2; box.scrollTop = y - box.clientHeight / 2;
  }

  lookFor(text) {
    const wanted = text.trim().toLowerCase();
    this.found = wanted ? this.graph.nodes.filter((node) => `${node.name} ${node.kind}`.toLowerCase().includes(wanted)) : [];
    const hits = new Set(this.found.map((node) => this.shownNode(node.name)?.name));
    for (const [name, box] of this.drawnNodes) { box.classList.toggle("hit", hits.has(name)); box.classList.toggle("dim", Boolean(wanted) && !hits.has(name)); }
    this.count.textContent = wanted ? String(this.found.length) : "";
    if (this.found.length) this.reveal(this.shownNode(this.found[0].name)?.name);
  }

  nextFound() {
    if (!this.found.length) return;
    const at = this.found.findIndex((node) => node.name === this.layer);
    this.choose(this.found[(at + 1) % this.found.length].name);
  }

  key(event) {
    if (event.target !== this.box) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "+" || event.key === "-") { event.preventDefault(); this.zoomBy(event.key === "+" ? 1.25 : 0.8); return; }
    if (!step) return;
    event.preventDefault();
    const at = this.nodes.indexOf(this.shownNode()), next = this.nodes[Math.min(Math.max(at + step, 0), this.nodes.length - 1)];
    this.choose(next.members[next.members.length - 1]);
  }

  describe(rows) {                                       // [label, value, class] of the chosen layer, with its name as the head
    const node = this.graph.nodes.find((one) => one.name === this.layer);
    const folded = [...this.open].filter((scope) => this.layer.startsWith(`${scope}.`));
    this.about.replaceChildren(make("h3", { title: this.layer }, this.layer), make("p", { class: "kind" }, node.kind),
      make("dl", {}, rows.flatMap(([label, value, tone]) => [make("dt", {}, label), make("dd", { class: tone || null }, value)])),
      folded.length ? make("button", { type: "button", class: "cs-button", onclick: () => { this.open.delete(folded[folded.length - 1]); this.build(); this.reveal(); } }, fill(this.words.close_block, { name: folded[folded.length - 1] })) : "");
  }
}

export function byteText(bytes) { return bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e3).toFixed(bytes >= 1e4 ? 0 : 1)} kB`; }

export function countText(count) { return count >= 1e7 ? readableCount(count) : count.toLocaleString("en-US"); }

function cut(text, length) { return text.length > length ? `…${text.slice(1 - length)}` : text; }
