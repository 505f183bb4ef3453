// The stage: each lane's panels side by side with its formulas, one viewport for all, and the overlays of what is pointed at.
import { make, fill } from "../shared/dom.js";
import { readableCount } from "../shared/numbers.js";
import { Viewport } from "../shared/viewport.js";
import { sizeFormula, usersOf } from "./geometry.js";
import { MapStrip } from "./map_strip.js";
import { Panel } from "./panel.js";

export class Stage {
  // hooks: point(lane, row, column), unpoint(), pin(lane, row, column), chooseMap(lane, index)
  constructor(root, hooks) {
    this.root = root; this.hooks = hooks; this.rowsOfPanels = []; this.pixel = null;
    this.viewport = new Viewport(() => this.redraw());
    this.observer = new ResizeObserver(() => this.layout());
    this.observer.observe(root);
  }

  show(lanes, words, atRest) {
    this.lanes = lanes; this.words = words;
    this.root.classList.toggle("two", lanes.length > 1);
    lanes.forEach((lane, i) => {
      const row = this.rowsOfPanels[i] ||= this.newRow();
      row.error.textContent = lane.error ? lane.error[words.language] : "";
      row.error.classList.toggle("cs-hidden", !lane.error);
      row.tag = lanes.length > 1 ? `${"AB"[i]} · ` : "";
      row.element.classList.toggle("stale", Boolean(lane.error));
      if (lane.result && lane.input && !lane.error) this.fillRow(row, lane, atRest);
    });
    while (this.rowsOfPanels.length > lanes.length) this.rowsOfPanels.pop().element.remove();
    this.layout();
  }

  newRow() {
    const row = { panels: new Map(), error: make("p", { class: "no-map", role: "alert" }), tag: "",
      holder: make("div", { class: "panels" }), strip: new MapStrip((index) => this.hooks.chooseMap(row.lane, index)) };
    row.element = make("div", { class: "lane" }, row.error, row.strip.element, row.holder);
    this.root.append(row.element);
    return row;
  }

  fillRow(row, lane, atRest) {
    row.lane = lane;
    if (row === this.rowsOfPanels[0]) this.fitView(lane);
    const stages = lane.stages;
    for (const [stage, panel] of row.panels) if (!stages.includes(stage)) { panel.element.remove(); row.panels.delete(stage); }
    stages.forEach((stage, place) => {
      let panel = row.panels.get(stage);
      if (!panel) { panel = new Panel(stage, lane, this.viewport, this.planeHooks(row)); row.panels.set(stage, panel); }
      panel.lane = lane;
      if (row.holder.children[place] !== panel.element) row.holder.insertBefore(panel.element, row.holder.children[place] || null);
      this.describe(panel, lane);
    });
    const first = row.panels.get("input").name;
    first.textContent = row.tag + first.textContent;
    row.holder.style.setProperty("--count", this.lanes.length > 1 ? 2 : stages.length > 4 ? 3 : stages.length);
    row.strip.show(lane, this.words);
    row.atRest = atRest; row.stale = true;
  }

  fitView(lane) {
    const [top, bottom, left, right] = lane.geometry.padding, [height, width] = lane.geometry.size;
    this.viewport.fitTo(-left, -top, width + left + right, height + top + bottom);
  }

  describe(panel, lane) {
    const { words } = this, { stage } = panel, { geometry, result } = lane, { pooling } = result;
    const [height, width] = lane.shapeOf(stage);
    const count = stage === "input" ? geometry.channels : geometry.maps;
    panel.shape.textContent = `${count} × ${height} × ${width}`;
    const [kind, mode] = stage.split("_");
    panel.name.textContent = kind === "pool" ? words[`pool_${mode}`] : stage === "after" ? words[`activation_${lane.settings.activation}`] : words[`stage_${stage}`];
    panel.plane.over.setAttribute("aria-label", `${panel.name.textContent}, ${panel.shape.textContent}`);
    const lines = [];
    if (stage === "input") lines.push(this.inputLine(lane));
    if (stage === "before") for (const line of bothAxes((axis) => sizeFormula(geometry.size[axis], geometry.padding[2 * axis], geometry.padding[2 * axis + 1], geometry.kernel, geometry.stride[axis], geometry.dilation[axis], geometry.outputs[axis]))) lines.push(line);
    if (stage === "after") lines.push(words[`formula_${lane.settings.activation}`]);
    if (kind === "pool") for (const line of bothAxes((axis) => sizeFormula(geometry.outputs[axis], pooling.padding, pooling.padding, pooling.size, pooling.stride, 1, pooling.outputs[axis]))) lines.push(line);
    panel.formula.replaceChildren(...lines.map((line) => make("div", {}, line)));
    panel.note.textContent = this.noteOf(stage, kind, lane);
  }

  inputLine(lane) {
    const { words, picture } = this, { geometry } = lane;
    const [, height, width] = picture.shape, [shownHeight, shownWidth] = geometry.size;
    return height === shownHeight && width === shownWidth ? fill(words.own_size, { w: width, h: height })
      : fill(words.shown_at, { w: width, h: height, sw: shownWidth, sh: shownHeight });
  }

  noteOf(stage, kind, lane) {
    const { words } = this, { result, geometry } = lane;
    if (stage === "before") {
      const weights = result.parameters - geometry.maps;
      return fill(words.counts, { parameters: readableCount(result.parameters), weights: readableCount(weights),
        biases: geometry.maps, adds: readableCount(result.multiply_adds) });
    }
    if (kind === "pool") {
      const kept = result.kept_cells, percent = ([same, all]) => `${Math.round(1000 * same / all) / 10} %`;
      const pooled = kept?.pooled[stage.slice("pool_".length)];
      return pooled ? fill(words.kept_cells, { pooled: percent(pooled), map: percent(kept.map) }) : words.no_parameters;
    }
    if (stage === "after") return words.no_parameters;
    return lane.settings.overlay === "usage" ? fill(words.usage_note, { most: Math.max(...lane.arrays.rows.data) * Math.max(...lane.arrays.columns.data) }) : "";
  }

  layout() {
    const shown = this.rowsOfPanels.filter((row) => row.lane && row.panels.size);
    for (const row of shown) {
      const first = row.panels.get("input").plane;
      const width = first.frame.clientWidth;
      if (!width) continue;
      const { bounds } = this.viewport;
      const room = Math.max(window.innerHeight * (row.panels.size > 4 ? 0.3 : 0.5), 220);
      const height = Math.round(Math.min(Math.max(width * bounds[3] / bounds[2], 90), room));
      for (const panel of row.panels.values()) {
        const changed = panel.plane.width !== panel.plane.frame.clientWidth || panel.plane.height !== height;
        panel.plane.resize(panel.plane.frame.clientWidth, height);
        if (row.stale) panel.paint(this.words, row.atRest); else if (changed) panel.plane.draw();
      }
      row.stale = false;
    }
    this.drawOver();
  }

  redraw() {
    for (const row of this.rowsOfPanels) for (const panel of row.panels.values()) panel.plane.draw();
    this.drawOver();
  }

  repaint() {                                             // the theme changed
    this.accent = null;
    for (const row of this.rowsOfPanels) for (const panel of row.panels.values()) panel.look = null;
    for (const row of this.rowsOfPanels) row.stale = true;
    this.layout();
  }

  planeHooks(row) {
    return {
      takesWheel: () => this.root.matches(":focus-within") || this.root.getRootNode().activeElement === this.root,
      leave: () => { this.pixel = null; this.hooks.unpoint(); },
      hover: (plane, r, c) => this.pointed(row.lane, plane.panel.stage, r, c, this.hooks.point),
      press: (plane, r, c) => { this.root.focus({ preventScroll: true }); this.pointed(row.lane, plane.panel.stage, r, c, this.hooks.pin); },
    };
  }

  pointed(lane, stage, row, column, then) {
    if (lane.draft) return;
    this.pixel = null;
    if (stage === "input") {
      const y = row - lane.geometry.padding[0], x = column - lane.geometry.padding[2];
      if (then === this.hooks.pin) { then(lane, ...lane.cellNear(x + 0.5, y + 0.5)); return; }
      this.pixel = { lane, y, x };
      this.hooks.unpoint(true);
      return;
    }
    if (!stage.startsWith("pool_")) { then(lane, row, column); return; }
    const { window, winner } = lane.poolTerms(row, column);
    then(lane, ...(winner || [window[0], window[2]]), [row, column]);
  }

  drawOver(cells = this.cells) {                           // cells: one {row, column, pool} a lane
    this.cells = cells;
    const colour = this.accent ||= getComputedStyle(this.root).getPropertyValue("--st-primary-color").trim() || "#b8127b";
    this.rowsOfPanels.forEach((row, i) => {
      for (const panel of row.panels.values()) panel.plane.clearOver();
      const { lane } = row, cell = cells?.[i];
      if (!lane?.result || lane.error) return;
      if (this.pixel) this.drawUsers(row, lane, colour);
      if (cell) this.drawCell(row, lane, cell, colour, Boolean(this.pixel));
    });
  }

  drawCell(row, lane, { row: r, column: c, pool }, colour, quiet) {
    const { geometry } = lane, [top, , left] = geometry.padding, input = row.panels.get("input");
    const [stepY, stepX] = geometry.dilation, firstY = r * geometry.stride[0] - geometry.padding[0], firstX = c * geometry.stride[1] - geometry.padding[2];
    const spanY = stepY * (geometry.kernel - 1) + 1, spanX = stepX * (geometry.kernel - 1) + 1;
    const spread = stepY > 1 || stepX > 1;
    if (spread && input.plane.view.scale * Math.min(stepX, stepY) > 4) {
      for (let u = 0; u < geometry.kernel; u++) for (let v = 0; v < geometry.kernel; v++) {
        input.plane.outline(firstY + u * stepY + top, firstX + v * stepX + left, 1, 1, colour, { least: 2, weight: 1.2 });
      }
    }
    input.plane.outline(firstY + top, firstX + left, spanY, spanX, colour, { dash: spread });
    if (!quiet) input.say(null);
    for (const stage of ["before", "after"]) {
      const panel = row.panels.get(stage);
      if (!panel) continue;
      panel.plane.outline(r, c, 1, 1, colour);
      if (!quiet) panel.say(r, c);
    }
    const pooled = pool || lane.poolCell(r, c), { pooling } = lane.result;
    for (const [stage, panel] of row.panels) {
      if (!stage.startsWith("pool_")) continue;
      if (!pooled) { panel.say(null); continue; }
      panel.plane.outline(...pooled, 1, 1, colour);
      if (!quiet) panel.say(...pooled);
    }
    if (!pooled || lane.draft) return;
    const source = row.panels.get(lane.stages.includes("after") ? "after" : "before").plane;
    const { window, winner } = lane.poolTerms(...pooled);
    if (pooling.size > 1) source.outline(window[0], window[2], window[1] - window[0], window[3] - window[2], colour, { dash: true, weight: 1.4 });
    if (winner) source.outline(...winner, 1, 1, colour, { least: 5, weight: 1.2, fill: "rgb(255 255 255 / .25)" });
  }

  drawUsers(row, lane, colour) {                           // every output cell that reads the pixel pointed at
    const { y, x } = this.pixel, { geometry } = lane, input = row.panels.get("input");
    const [height, width] = geometry.size;
    input.plane.outline(y + geometry.padding[0], x + geometry.padding[2], 1, 1, colour, { least: 5, weight: 1.4 });
    input.say(y, x);
    if (y < 0 || x < 0 || y >= height || x >= width) return;
    const rows = usersOf(geometry, 0, y), columns = usersOf(geometry, 1, x), plane = row.panels.get("before").plane;
    const pen = plane.pen;
    pen.fillStyle = `color-mix(in srgb, ${colour} 50%, transparent)`; pen.strokeStyle = colour; pen.lineWidth = 1;
    for (const r of rows) for (const c of columns) {
      const [left, top, w, h] = plane.boxOf(r, c);
      pen.fillRect(left, top, Math.max(w, 1.5), Math.max(h, 1.5));
      if (w > 6) pen.strokeRect(left, top, w, h);
    }
    if (rows.length && columns.length) plane.outline(rows[0], columns[0], rows.at(-1) - rows[0] + 1, columns.at(-1) - columns[0] + 1, colour, { weight: 1.4 });
    this.users = rows.length * columns.length;
    row.panels.get("before").readout.textContent = fill(this.words.users, { n: this.users });
  }

  close() { this.observer.disconnect(); }
}

function bothAxes(formula) {                               // one line where both axes have the same numbers
  const [height, width] = [formula(0), formula(1)];
  return height === width ? [height] : [`H  ${height}`, `W  ${width}`];
}
