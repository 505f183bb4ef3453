// One lane of the lab: settings, the numbers the server computed for them, and what can be read off these numbers.
import { mapAffine, paddedAffine, poolAffine, poolCellOf, poolWindow, sourceOf, tapsOf } from "./geometry.js";
import { largestSize } from "../shared/colours.js";

export class Lane {
  constructor(settings) { this.settings = { ...settings }; this.result = null; this.input = null; this.error = null; }

  // described: a lane of the block's header; arrays: by name without the lane's number; inputs: kept pictures by id
  take(described, arrays, inputs) {
    if (described.error) { this.error = described.error; this.digest = null; return true; }
    if (described.kept) return described.digest === this.digest;
    this.error = null;
    this.digest = described.draft ? null : described.digest;
    this.input = inputs.get(described.input);
    this.result = described;
    this.arrays = arrays;
    this.afterData = null;
    return Boolean(this.input);
  }

  get geometry() { return this.result.geometry; }
  get draft() { return this.result.draft; }
  get before() { return this.arrays.before.data; }

  get after() {                                           // ReLU and none are the same on every machine; the others are sent
    if (this.arrays.after) return this.arrays.after.data;
    if (this.settings.activation !== "relu") return this.before;
    if (!this.afterData) {
      const source = this.before, zero = this.draft ? 128 : 0, out = new source.constructor(source.length);
      for (let i = 0; i < source.length; i++) out[i] = source[i] > zero ? source[i] : zero;
      this.afterData = out;
    }
    return this.afterData;
  }

  get stages() {                                          // ids of the panels, in order
    const names = ["input", "before"];
    if (this.settings.activation !== "none") names.push("after");
    return this.result?.pooling ? [...names, ...this.result.pooling.modes.map((mode) => `pool_${mode}`)] : names;
  }

  shapeOf(stage) {
    const { geometry } = this;
    if (stage === "input") return geometry.size;
    return stage.startsWith("pool_") ? this.result.pooling.outputs : geometry.outputs;
  }

  affineOf(stage) {
    if (stage === "input") return paddedAffine(this.geometry);
    return stage.startsWith("pool_") ? poolAffine(this.geometry, this.result.pooling) : mapAffine(this.geometry);
  }

  dataOf(stage) {
    if (stage === "before") return this.before;
    return stage === "after" ? this.after : this.arrays[stage].data;
  }

  valueAt(stage, row, column) {                           // the tensor's element, or null while the hand is moving
    if (stage !== "input" && this.draft) return null;
    if (stage === "before" && this.edges) return this.edges[row * this.geometry.outputs[1] + column];
    return this.dataOf(stage)[row * this.shapeOf(stage)[1] + column];
  }

  get edges() {                                           // the array shown instead of the signed map, or null
    const { view } = this.settings;
    return (view === "magnitude" || view === "direction") && this.arrays[view] ? this.arrays[view].data : null;
  }

  // How a stage is coloured: {kind, limit, low, high}
  scaleOf(stage) {
    const { view, activation } = this.settings, { limit, ranges, index } = this.result;
    if (stage === "before" && this.edges) {
      if (view === "direction") return { kind: "wheel", limit: this.result.magnitude_limit, low: 0, high: 360 };
      return { kind: "magnitude", limit: this.result.magnitude_limit, low: 0, high: this.result.magnitude_limit };
    }
    if (stage !== "before" && activation === "sigmoid") return { kind: "magnitude", limit: 1, low: 0, high: 1 };
    const most = stage === "pool_l2" ? this.result.pool_limits.l2 : stage !== "before" && activation === "tanh" ? 1 : limit;
    if (view === "absolute") return { kind: "absolute", limit: most, low: 0, high: most };
    if (view === "auto" && ranges[index][0] >= 0 && !this.negativeWeights) return { kind: "gray", limit: most, low: 0, high: most };
    return { kind: "signed", limit: most, low: -most, high: most };
  }

  inputRange() {                                          // null for photos (0..255); [least, most] for number matrices
    if (this.input.data instanceof Uint8Array) return null;
    if (!this.input.range) {
      let low = Infinity, high = -Infinity;
      for (const value of this.input.data) { if (value < low) low = value; if (value > high) high = value; }
      this.input.range = [Math.min(low, 0), Math.max(high, 0, low + 1e-9)];
    }
    return this.input.range;
  }

  inputValue(channel, row, column) {                      // also in the padding, with the value that stands there
    const [height, width] = this.geometry.size, { mode, fill } = this.geometry;
    const y = sourceOf(row, height, mode), x = sourceOf(column, width, mode);
    return y < 0 || x < 0 ? fill[channel] : this.input.data[(channel * height + y) * width + x];
  }

  // What one output cell is made of: patch, weights and products by channel, as numbers
  termsAt(row, column) {
    const { geometry, result } = this, { kernel, groups, maps } = geometry, { index } = result;
    const rows = tapsOf(geometry, 0, row), columns = tapsOf(geometry, 1, column), area = kernel * kernel;
    const count = geometry.channels / groups, first = Math.floor(index / (maps / groups)) * count;
    const weights = this.arrays.weights.data, channels = [];
    for (let c = 0; c < count; c++) {
      const patch = new Array(area), weight = new Array(area), products = new Array(area), padding = new Array(area);
      for (let u = 0; u < kernel; u++) {
        for (let v = 0; v < kernel; v++) {
          const i = u * kernel + v;
          patch[i] = this.inputValue(first + c, rows[u], columns[v]);
          weight[i] = weights[(index * count + c) * area + i];
          products[i] = patch[i] * weight[i] + 0;
          padding[i] = rows[u] < 0 || columns[v] < 0 || rows[u] >= geometry.size[0] || columns[v] >= geometry.size[1];
        }
      }
      channels.push({ channel: first + c, patch, weight, products, padding });
    }
    return { rows, columns, channels, bias: result.bias[index], value: this.before[row * geometry.outputs[1] + column] };
  }

  get weightLimit() {
    const { arrays } = this;
    if (arrays.weights.most === undefined) arrays.weights.most = largestSize(arrays.weights.data);
    return arrays.weights.most;
  }

  get negativeWeights() {                                 // of the filter of the map that is looked at: such a map has signs
    const { data, shape: [, channels, size] } = this.arrays.weights, own = channels * size * size, { index } = this.result;
    return data.subarray(index * own, (index + 1) * own).some((weight) => weight < 0);
  }

  poolCell(row, column) { return this.result.pooling ? poolCellOf(this.result.pooling, row, column) : null; }

  poolTerms(row, column) {                                // window of the first pooling, and its winner
    const { pooling } = this.result, [height, width] = this.geometry.outputs;
    const window = poolWindow(pooling, row, column, height, width);
    const won = this.arrays.winners && !this.draft ? this.arrays.winners.data[row * pooling.outputs[1] + column] : -1;
    return { window, winner: won < 0 ? null : [Math.floor(won / width), won % width] };
  }

  firstCell() {                                           // a telling cell: the strongest answer in the middle of the map
    const [height, width] = this.geometry.outputs, data = this.before, middle = this.draft ? 128 : 0;
    let best = -1, place = [Math.floor(height / 2), Math.floor(width / 2)];
    const edge = (size) => (size > 8 ? Math.floor(size / 5) : 0);
    for (let row = edge(height); row < height - edge(height); row++) {
      for (let column = edge(width); column < width - edge(width); column++) {
        const size = Math.abs(data[row * width + column] - middle);
        if (size > best) { best = size; place = [row, column]; }
      }
    }
    return place;
  }

  cellNear(x, y) {                                        // the output cell whose field lies over an input point
    const { x: left, y: top, width, height } = mapAffine(this.geometry), [rows, columns] = this.geometry.outputs;
    const inside = (at, most) => Math.min(Math.max(Math.floor(at), 0), most - 1);
    return [inside((y - top) / height, rows), inside((x - left) / width, columns)];
  }
}
