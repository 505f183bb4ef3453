// The convolution lab in the browser. Python side: app/pages/convolution/convolution.py, app/figures/convolution/.
import { fill } from "../shared/dom.js";
import { mounted } from "../shared/mounted.js";
import { plainNumber } from "../shared/numbers.js";
import { unpack } from "../shared/wire.js";
import { Controls } from "./controls.js";
import { LabExchange } from "./lab_exchange.js";
import { Lane } from "./lane.js";
import { labKeys, zoomAtPin } from "./keys.js";
import { mapAffine } from "./geometry.js";
import { Microscope } from "./microscope.js";
import { Player } from "./player.js";
import { Stage } from "./stage.js";

class Lab {
  constructor(root) {
    this.find = (selector) => root.querySelector(selector);
    this.lanes = []; this.edited = 0; this.inputs = new Map(); this.pin = null; this.hovered = null;
    this.stage = new Stage(this.find(".lanes"), {
      point: (lane, row, column, pool) => { this.hovered = { lane, row, column, pool }; this.drawCursor(); },
      unpoint: (keep) => { if (!keep) this.hovered = null; this.drawCursor(); },
      pin: (lane, row, column, pool) => this.pinAt(lane, row, column, pool),
      chooseMap: (lane, index) => this.change({ index }, lane),
    });
    this.microscope = new Microscope(this.find(".microscope"));
    this.player = new Player(this.find(".player"), {
      size: () => (this.first?.result ? this.first.geometry.outputs : [1, 1]),
      place: () => (this.pin ? [this.pin.row, this.pin.column] : [0, 0]),
      zoom: (factor) => zoomAtPin(this, factor),
      go: (row, column) => { this.hovered = null; this.pinAt(this.first, row, column, undefined, true); this.followPin(); },
    });
    this.exchange = new LabExchange(this);
    labKeys(this, this.find(".lanes"));
    this.ready = 0;
  }

  get first() { return this.lanes[0]; }

  update(component) {                                     // data from a rerun; also called again when the theme changes
    const block = component.data === this.lastData ? null : unpack(component.data);
    this.exchange.attach(component, block);
    if (!block) { this.stage.repaint(); return; }
    this.lastData = component.data;
    if (block.words.language !== this.words?.language) this.useWords(block.words);
    const samePicture = this.stage.picture && this.stage.picture.key === block.picture.key;
    if (!samePicture) this.pin = null;
    this.find(".controls").dataset.kind = block.picture.kind;
    if (!this.lanes.length || this.exchange.isNews(block)) this.lanes = block.lanes.map((lane) => new Lane(lane.settings));
    this.edited = Math.min(this.edited, this.lanes.length - 1);
    this.take(block);
  }

  useWords(words) {
    this.words = words;
    this.controls = new Controls(this.find(".controls"), words, {
      change: (values) => this.change(values), compare: (on) => this.compareTwo(on), edit: (place) => { this.edited = place; this.syncControls(); },
    });
    this.player.label(words);
    this.find(".help").textContent = words.keys_help;
    this.find(".help").id = "lab-help";
    this.find(".lanes").setAttribute("aria-describedby", "lab-help");
  }

  take(block) {                                           // a result, from the live route or a rerun
    for (const [name, array] of Object.entries(block.arrays)) {
      if (!name.endsWith(".input")) continue;
      this.inputs.set(block.lanes[Number(name[0])].input, array);
      while (this.inputs.size > 6) this.inputs.delete(this.inputs.keys().next().value);
    }
    this.stage.picture = block.picture;
    this.find(".lanes").setAttribute("aria-label", `${this.words.title}: ${block.picture.alt || block.picture.name}`);
    let complete = true;
    block.lanes.forEach((described, i) => {
      if (!this.lanes[i]) return;
      const arrays = {};
      for (const [name, array] of Object.entries(block.arrays)) if (name.startsWith(`${i}.`)) arrays[name.slice(2)] = array;
      if (!this.lanes[i].take(described, arrays, this.inputs)) complete = false;
    });
    if (!complete) { this.exchange.askAgain(); return; }
    this.placePin();
    this.paint();
    this.ready += 1;
  }

  placePin() {
    const lane = this.first;
    if (!lane?.result || lane.error) return;
    const [rows, columns] = lane.geometry.outputs, { row, column } = lane.settings;
    if (!this.pin) this.pin = row >= 0 && column >= 0 ? { row, column } : null;
    if (!this.pin && !lane.draft) { const [r, c] = lane.firstCell(); this.pin = { row: r, column: c }; }
    if (this.pin) { this.pin.row = Math.min(this.pin.row, rows - 1); this.pin.column = Math.min(this.pin.column, columns - 1); this.pin.pool = undefined; }
    this.hovered = null;
  }

  paint() {
    const atRest = !this.exchange.moving;
    this.stage.show(this.lanes, this.words, atRest);
    this.syncControls();
    this.drawCursor();
  }

  syncControls() { this.controls.sync(this.lanes[this.edited] || this.first, this.lanes, this.edited); }

  change(values, lane = this.lanes[this.edited]) {
    Object.assign(lane.settings, values);
    lane.settings.pool_padding = Math.min(lane.settings.pool_padding, Math.floor(lane.settings.pool_size / 2));
    const local = Object.keys(values).every((name) => ["overlay", "plane"].includes(name));
    if (local) this.paint();
    if (this.exchange.usable || local) this.syncControls();
    this.exchange.ask();
  }

  compareTwo(on) {
    if (on) { const copy = new Lane(this.first.settings); copy.settings.row = -1; copy.settings.column = -1; this.lanes = [this.first, copy]; this.edited = 1; }
    else { this.lanes = [this.first]; this.edited = 0; }
    this.exchange.ask();
    if (!on) this.paint();
  }

  pinAt(lane, row, column, pool, quiet) {
    const [r, c] = lane === this.first ? [row, column] : this.cellIn(this.first, lane, row, column);
    this.pin = { row: r, column: c, pool: lane === this.first ? pool : undefined };
    this.first.settings.row = r; this.first.settings.column = c;
    if (!quiet || !this.player.direction) this.exchange.rest();
    this.drawCursor();
  }

  movePin(down, right) {
    const [rows, columns] = this.first.geometry.outputs;
    this.hovered = null;
    this.pinAt(this.first, Math.min(Math.max(this.pin.row + down, 0), rows - 1), Math.min(Math.max(this.pin.column + right, 0), columns - 1));
    this.followPin();
  }

  followPin() {
    if (this.stage.viewport.zoom === 1) return;
    const { x, y, width, height } = mapAffine(this.first.geometry), margin = this.first.geometry.kernel;
    this.stage.viewport.follow(x + this.pin.column * width - margin, y + this.pin.row * height - margin,
      x + (this.pin.column + 1) * width + margin, y + (this.pin.row + 1) * height + margin);
  }

  cellIn(lane, from, row, column) {                       // the cell of another lane that looks at the same place
    const { x, y, width, height } = mapAffine(from.geometry);
    return lane.cellNear(x + (column + 0.5) * width, y + (row + 0.5) * height);
  }

  drawCursor() {
    const start = performance.now();
    const at = this.hovered || (this.pin && { lane: this.first, ...this.pin });
    if (!at || !at.lane.result || !this.first.result) { this.stage.drawOver(null); return; }
    const cells = this.lanes.map((lane) => {
      if (!lane.result || lane.error) return null;
      if (lane === at.lane) return { row: at.row, column: at.column, pool: at.pool };
      const [row, column] = this.cellIn(lane, at.lane, at.row, at.column);
      return { row, column };
    });
    this.stage.drawOver(cells);
    this.microscope.show(this.lanes, cells, this.words);
    if (cells[0]) this.player.show(cells[0].row, cells[0].column);
    this.sayAloud(at);
    this.handlerTime = performance.now() - start;
  }

  sayAloud({ lane, row, column }) {                       // for screen readers, at most twice a second
    clearTimeout(this.saying);
    this.saying = setTimeout(() => {
      const value = lane.result && !lane.draft ? lane.valueAt("before", row, column) : null;
      if (value !== null) this.find(".heard").textContent = fill(this.words.heard, { row, column, value: plainNumber(value) });
    }, 500);
  }

  close() { this.exchange.close(); this.stage.close(); this.player.pause(); }
}

export default mounted(Lab, ".lab");
