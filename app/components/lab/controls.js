// The control column: everything a lane can be set to, in groups; which lane is edited when two are compared.
import { make } from "../shared/dom.js";
import { choiceField, flagField, group, numberField, rangeField, selectField } from "../shared/fields.js";
import { FilterControls } from "./filter_controls.js";

export class Controls {
  // hooks: change(values), compare(on), edit(lane number)
  constructor(root, words, hooks) {
    this.root = root; this.hooks = hooks;
    const set = (name) => (value) => hooks.change({ [name]: value });
    const both = (first, second) => (value) => hooks.change(this.joined ? { [first]: value, [second]: value } : { [first]: value });
    const options = (prefix, names) => names.map((name) => [name, words[`${prefix}_${name}`]]);
    this.joined = true;
    this.filter = new FilterControls(words, hooks.change);
    this.filter.turnable = new Set(words.turnable);
    this.fields = {
      size: selectField(words.working_size, [["256", "256 px"], ["512", "512 px"], ["1024", "1024 px"], ["2000", "2000 px"]], set("size")),
      colour: choiceField(words.colours, options("colour", ["gray", "rgb"]), set("colour")),
      plane: choiceField(words.show_plane, [["all", words.plane_all], ["0", "R"], ["1", "G"], ["2", "B"]], set("plane")),
      overlay: flagField(words.usage, (on) => hooks.change({ overlay: on ? "usage" : "none" }), words.usage_hint),
      padding: choiceField(words.padding, options("padding", ["valid", "same", "custom"]), set("padding")),
      top: numberField(words.top, this.side("top"), 2), bottom: numberField(words.bottom, this.side("bottom"), 2),
      left: numberField(words.left, this.side("left"), 2), right: numberField(words.right, this.side("right"), 2),
      padding_mode: selectField(words.filled_with, options("mode", ["zeros", "mean", "reflect", "replicate", "circular"]), set("padding_mode")),
      stride_h: rangeField(words.stride, 1, 8, 1, both("stride_h", "stride_w")),
      stride_w: rangeField(words.stride_w, 1, 8, 1, set("stride_w")),
      dilation_h: rangeField(words.dilation, 1, 8, 1, both("dilation_h", "dilation_w")),
      dilation_w: rangeField(words.dilation_w, 1, 8, 1, set("dilation_w")),
      activation: choiceField(words.activation, options("activation", ["none", "relu", "sigmoid", "tanh"]), set("activation")),
      pooling: selectField(words.pooling, options("pooling", ["none", "max", "average", "l2", "all"]), set("pooling")),
      pool_size: rangeField("f", 1, 15, 1, (value) => hooks.change({ pool_size: value })),
      pool_stride: rangeField("s", 1, 15, 1, set("pool_stride")),
      pool_padding: rangeField("p", 0, 7, 1, set("pool_padding")),
      shift_x: rangeField(words.shift_x, 0, 3, 1, set("shift_x"), "px"), shift_y: rangeField(words.shift_y, 0, 3, 1, set("shift_y"), "px"),
      view: selectField(words.view, options("view", ["auto", "signed", "absolute", "magnitude", "direction"]), set("view")),
      scope: choiceField(words.scale, options("scope", ["map", "layer", "fixed"]), set("scope")),
      limit: numberField(words.limit, (value) => hooks.change({ limit: Math.min(Math.max(Math.abs(value), 0.001), 1e7) })),
    };
    const { fields } = this;
    this.perAxis = flagField(words.per_axis, (on) => { this.joined = !on; if (!on) hooks.change({ stride_w: this.settings.stride_h, dilation_w: this.settings.dilation_h }); else this.sync(this.lane, this.lanes, this.place); });
    this.sides = make("div", { class: "sides" }, ...["top", "bottom", "left", "right"].map((name) => fields[name].element));
    this.compare = flagField(words.compare, (on) => hooks.compare(on), words.compare_hint);
    this.laneTabs = make("div", { class: "choices lane-tabs cs-hidden", role: "radiogroup", "aria-label": words.compare });
    ["A", "B"].forEach((name, i) => this.laneTabs.append(make("button", { class: "cs-button", type: "button", role: "radio", onclick: () => hooks.edit(i) }, `${words.setting} ${name}`)));
    const line = (...parts) => make("div", { class: "pair-line" }, ...parts.map((part) => part.element));
    this.poolLine = make("div", { class: "pool-fields" }, fields.pool_size.element, fields.pool_stride.element, fields.pool_padding.element);
    root.replaceChildren(
      make("div", { class: "compare-box" }, this.compare.element, this.laneTabs),
      this.filter.element,
      group(words.group_padding, true, fields.padding, this.sides, fields.padding_mode, fields.stride_h, fields.stride_w, fields.dilation_h, fields.dilation_w, this.perAxis),
      group(words.group_after, true, fields.activation, fields.pooling, this.poolLine),
      group(words.group_view, true, fields.view, fields.scope, fields.limit),
      group(words.group_input, true, fields.size, fields.colour, fields.plane, fields.overlay, line(fields.shift_x, fields.shift_y)),
    );
  }

  side(name) {
    return (value) => this.hooks.change({ [name]: Math.min(Math.max(Math.round(value), 0), 64) });
  }

  sync(lane, lanes, place) {
    Object.assign(this, { lane, lanes, place });
    const { fields, root } = this, { settings } = lane;
    this.settings = settings;
    this.filter.sync(lane);
    if (settings.stride_h !== settings.stride_w || settings.dilation_h !== settings.dilation_w) this.joined = false;
    this.perAxis.set(!this.joined);
    for (const [name, field] of Object.entries(fields)) field.set(name === "overlay" ? settings.overlay === "usage" : settings[name]);
    const hide = (element, hidden) => element.classList.toggle("cs-hidden", hidden);
    hide(this.sides, settings.padding !== "custom");
    hide(fields.padding_mode.element, settings.padding === "valid");
    hide(fields.stride_w.element, this.joined); hide(fields.dilation_w.element, this.joined);
    hide(this.poolLine, settings.pooling === "none");
    hide(fields.limit.element, settings.scope !== "fixed");
    const photo = root.dataset.kind === "photo";
    hide(fields.size.element, !photo); hide(fields.colour.element, !photo);
    hide(fields.plane.element, !lane.result || lane.result.geometry.channels !== 3);
    this.compare.set(lanes.length > 1);
    hide(this.laneTabs, lanes.length < 2);
    [...this.laneTabs.children].forEach((tab, i) => tab.setAttribute("aria-checked", String(i === place)));
  }
}
