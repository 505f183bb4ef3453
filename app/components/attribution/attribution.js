// Attribution in the browser. Python side: app/pages/networks/attribution.py, app/figures/networks/attribution.py.
import { fill, make } from "../shared/dom.js";
import { choiceField, flagField, rangeField } from "../shared/fields.js";
import { Instrument } from "../shared/instrument.js";
import { mounted } from "../shared/mounted.js";
import { ClassList } from "./class_list.js";
import { FocusView } from "./focus_view.js";
import { camHeat, coveredColours, entriesOf, pixelHeat } from "./heat.js";
import { MapGrid } from "./map_grid.js";

const CAMS = ["grad_cam", "grad_cam_pp", "xgrad_cam", "hires_cam", "layer_cam", "eigen_cam"];
const FAST = ["saliency", "input_x_gradient", "guided_backprop"], SLOW = ["integrated_gradients", "smooth_grad", "occlusion"];

class AttributionScreen extends Instrument {
  constructor(root) {
    super(root, "attribution", ["pictures", "photos", "names", "cams", "shuffled", ...FAST, ...SLOW]);
    const point = (y, x) => { const place = y === null ? null : this.inside(y, x); this.focus.point(place); this.grid.point(place); };
    this.focus = new FocusView(this.find(".focus"), { point, act: (action) => this.act(action) });
    this.grid = new MapGrid(this.find(".grid"), { point, choose: (map) => this.choose(map) });
    this.heats = new Map(); this.tables = new Map();
  }

  useWords(words) {
    this.classes = new ClassList(this.find, words, (target) => this.ask({ target }));
    this.opacity = rangeField(words.opacity, 0, 100, 1, (opacity) => this.look({ opacity }), "%");
    this.signed = flagField(words.signed, (signed) => this.look({ signed }), words.signed_hint);
    this.blocks = flagField(words.blocks, (blocks) => this.look({ blocks }), words.blocks_hint);
    this.sanity = flagField(words.sanity, (sanity) => this.ask({ sanity }), words.sanity_hint);
    this.window = choiceField(words.window, ["coarse", "medium", "fine"].map((id) => [id, words[`window_${id}`]]), (window) => this.ask({ window }));
    this.find(".look").replaceChildren(make("h3", {}, words.look_title), ...[this.opacity, this.signed, this.blocks, this.sanity].map((field) => field.element));
    this.makeAll = make("button", { class: "cs-button", type: "button", "data-act": "make_all", onclick: () => this.act("make_all") }, words.make_all);
    this.find(".slow").replaceChildren(make("h3", {}, words.slow_title), this.window.element, this.makeAll, make("p", { class: "quiet" }, words.slow_hint));
    this.find(".grid-hint").textContent = words.grid_hint;
  }

  inside(y, x) { return y >= 0 && x >= 0 && y < this.state.height && x < this.state.width ? [y, x] : null; }

  take(block) {
    this.exchange.waiting = false;
    const { arrays } = block, kept = (kind, part) => this.keep(kind, { ...part, data: arrays[part.array]?.data, shape: arrays[part.array]?.shape }, arrays[part.array]);
    const picture = kept("pictures", block.picture), cams = kept("cams", block.cams);
    const photo = this.keep("photos", { id: `photo:${block.picture.id}`, url: block.photo }, "photo" in block);
    const names = this.keep("names", block.names, block.names.list);
    const pixels = Object.entries(block.pixels).map(([name, part]) => [name, kept(name, part), part]);
    const shuffled = block.shuffled ? kept("shuffled", block.shuffled) : null;
    if (!picture || !cams || !photo || !names || shuffled === undefined || pixels.some(([, found]) => !found)) { this.exchange.askAgain(); return; }
    this.block = block; this.picture = picture; this.cams = cams; this.shuffled = shuffled && { ...shuffled, ...block.shuffled };
    this.pixels = new Map(pixels.map(([name, found, part]) => [name, { ...found, ...part }]));
    this.photo = photo.url || plainPhoto(picture); this.smoothPhoto = Boolean(photo.url); this.names = names.list;
    this.refresh();
    this.ready += 1;
    if (!this.settings.pixels) this.ask({ pixels: true });  // the first picture does not wait for these
  }

  refresh() {
    if (!this.block) return;
    const { settings } = this;
    for (const name of ["opacity", "signed", "blocks", "sanity", "window"]) this[name].set(settings[name]);
    this.classes.show(this.block.prediction, this.names);
    this.state = this.stateNow();
    this.makeAll.disabled = this.unmade(SLOW).every((name) => this.state.maps.get(name).busy);
    this.grid.show(this.state);
    this.focus.show(this.state, this.state.maps.get(this.state.chosen));
    clearTimeout(this.saying);
    this.saying = setTimeout(() => { this.find(".heard").textContent = this.spoken(); }, 500);
  }

  spoken() {
    const { prediction } = this.block, [, name, share] = prediction.top.find(([index]) => index === prediction.target);
    return `${this.words[this.settings.method]}: ${name} ${(100 * share).toFixed(1)} %`;
  }

  stateNow() {
    const { block, settings, words } = this, { layers } = this.cams, [, height, width] = this.picture.shape, { job } = block;
    const { besides } = block, stands = (method) => [job, besides].find((one) => one.tasks.includes(method))?.state;
    const maps = new Map();
    layers.forEach((layer) => CAMS.forEach((method, place) => maps.set(`${method}@${layer.name}`, this.camMap(layer, method, place, height, width))));
    for (const method of [...FAST, ...SLOW]) maps.set(method, this.pixelMap(method, stands(method)));
    if (block.pending) for (const method of CAMS) maps.set(method, this.pixelMap(method, stands("cams")));
    for (const map of maps.values()) { map.curve = block.curves[map.name]; map.areas = map.curve?.done ? map.curve.areas : null; }
    const layer = layers.find((other) => other.name === settings.layer) || layers[0];
    const chosen = CAMS.includes(settings.method) ? (layer ? `${settings.method}@${layer.name}` : block.pending ? settings.method : "saliency") : settings.method;
    const followed = job.tasks.length ? job : besides.tasks.includes(CAMS.includes(chosen) ? "cams" : chosen) ? besides : null;
    return { layers, pending: block.pending, maps, chosen, width, height, photo: this.photo, smoothPhoto: this.smoothPhoto, words, alt: this.picture.alt, followed, stoppable: followed === job, status: followed ? statusOf(followed, words) : "", error: job.error || block.refused || besides.error || "",
      cams: CAMS, single: [...FAST, ...SLOW], colours: (signed) => this.coloursOf(signed), shuffled: this.shuffledMap(layer, height, width) };
  }

  camMap(layer, method, place, height, width) {
    const [rows, columns] = layer.grid, start = layer.start + place * rows * columns;
    const raw = this.cams.data.subarray(start, start + rows * columns);
    const look = { signed: this.settings.signed, blocks: this.settings.blocks };
    const heat = this.kept(`${this.cams.id}:${method}:${layer.name}:${look.signed}:${look.blocks}`, () => camHeat(raw, rows, columns, height, width, look));
    return { ...heat, name: `${method}@${layer.name}`, method, layer: layer.name, grid: layer.grid, pixels: layer.pixels, raw, unit: heat.limit || 1, warning: layer.warnings[method] };
  }

  pixelMap(method, stands) {                              // stands: the state of the job that makes it
    const found = this.pixels.get(method), offered = SLOW.includes(method) || this.block.settings.pixels;
    const about = { name: method, method, layer: "", unit: 1, slow: offered, share: 0, busy: Boolean(stands), queued: stands === "queued", signed: false, limit: 1, warning: "" };
    if (!found) return about;
    return { ...about, ...this.kept(found.id, () => pixelHeat(found.data, found.signed)), warning: found.warning, gap: found.gap, share: found.done / found.total, done: found.done, total: found.total };
  }

  shuffledMap(layer, height, width) {
    const { shuffled, settings } = this;
    if (!shuffled || !settings.sanity) return null;
    const [rows, columns] = shuffled.size, own = rows !== height || columns !== width;
    const heat = own || CAMS.includes(settings.method) ? camHeat(shuffled.data, rows, columns, height, width, settings) : pixelHeat(shuffled.data, settings.method === "input_x_gradient");
    return { ...heat, entries: entriesOf(heat), likeness: shuffled.likeness };
  }

  kept(key, makeHeat) {                                   // heats at the picture's size with their colour entries
    if (!this.heats.has(key)) {
      const heat = makeHeat();
      this.heats.set(key, { ...heat, entries: entriesOf(heat) });
      while (this.heats.size > 120) this.heats.delete(this.heats.keys().next().value);
    }
    return this.heats.get(key);
  }

  coloursOf(signed) {
    const key = `${signed}:${this.settings.opacity}`;
    if (this.tables.size > 40) this.tables.clear();
    if (!this.tables.has(key)) this.tables.set(key, coveredColours(signed, this.settings.opacity / 100));
    return this.tables.get(key);
  }

  look(values) {                                          // what the browser draws by itself
    Object.assign(this.settings, values);
    if (!this.frame) this.frame = requestAnimationFrame(() => { this.frame = 0; this.refresh(); });
    this.exchange.rest();
  }

  choose(map) {
    Object.assign(this.settings, { method: map.method, layer: map.layer || this.settings.layer });
    this.refresh();
    if (map.slow && !map.busy && map.share < 1) this.act("make");
    if (this.settings.sanity) this.exchange.restNow(); else this.exchange.rest();
  }

  ask(values) { Object.assign(this.settings, values); this.exchange.restNow(); }

  act(action) {
    this.exchange.restNow();
    if (action === "make_all") this.send("make", this.unmade(SLOW));
    else this.send(action, action === "make" ? [this.settings.method] : []);
  }

  unmade(methods) { return methods.filter((name) => !(this.state.maps.get(name).share === 1)); }

  send(action, methods) { this.exchange.component.setTriggerValue("act", { action, methods, settings: { ...this.settings } }); }
}

function statusOf({ state, position, wait, progress, eta }, words) {  // where a job stands, in words
  if (state === "queued") return position > 0 ? fill(words[wait === null ? "queued" : "queued_wait"], { position, wait }) : words.starting;
  const percent = Math.round(100 * (progress || 0));
  return percent === 0 ? words.starting : fill(words[eta === null ? "running" : "running_eta"], { percent, eta });
}

function plainPhoto(picture) {                            // what the network saw, as a picture of its own
  const [channels, height, width] = picture.shape, count = height * width, { data } = picture;
  const canvas = make("canvas", { width, height }), pen = canvas.getContext("2d"), image = new ImageData(width, height);
  for (let i = 0; i < count; i++) for (let c = 0; c < 4; c++) image.data[4 * i + c] = c === 3 ? 255 : data[channels === 3 ? c * count + i : i];
  pen.putImageData(image, 0, 0);
  return canvas.toDataURL();
}

export default mounted(AttributionScreen, ".attribution");
