// One stage's accuracy and loss over its epochs, drawn as SVG: validation as a line, training dashed.
const SVG_SPACE = "http://www.w3.org/2000/svg";
const WIDE = 340, LEFT = 42, RIGHT = 8, TOP = 8;

function shape(tag, attributes, text) {
  const element = document.createElementNS(SVG_SPACE, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

export function pathOf(points) {                            // [[x, y] or null] → an SVG path that leaves gaps out
  let out = "", pen = false;
  for (const point of points) {
    if (!point) { pen = false; continue; }
    out += `${pen ? "L" : "M"}${point[0].toFixed(1)} ${point[1].toFixed(1)}`;
    pen = true;
  }
  return out;
}

// columns: which of a history row [epoch, train loss, train accuracy, loss, accuracy] are drawn: {train, held}
export function drawCurve(svg, { history, epochs, columns, high, height, ticks, format, chance = null, other = null, label, at = null }) {
  const bottom = height - 18;
  const x = (epoch) => LEFT + (WIDE - LEFT - RIGHT) * epoch / Math.max(epochs, 1);
  const y = (value) => bottom - (bottom - TOP) * Math.min(value, high) / high;
  svg.setAttribute("viewBox", `0 0 ${WIDE} ${height}`);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", label);
  const parts = [];
  for (const tick of ticks) {
    parts.push(shape("line", { class: tick === 0 ? "axis" : "grid", x1: LEFT, x2: WIDE - RIGHT, y1: y(tick), y2: y(tick) }));
    parts.push(shape("text", { x: LEFT - 6, y: y(tick) + 4, "text-anchor": "end" }, format(tick)));
  }
  for (const epoch of new Set([0, Math.round(epochs / 2), epochs])) {
    parts.push(shape("text", { x: x(epoch), y: height - 4, "text-anchor": epoch === epochs ? "end" : "middle" }, String(epoch)));
  }
  if (chance !== null) parts.push(shape("line", { class: "chance", x1: LEFT, x2: WIDE - RIGHT, y1: y(chance), y2: y(chance) }));
  if (other !== null) parts.push(shape("line", { class: "other", x1: LEFT, x2: WIDE - RIGHT, y1: y(other), y2: y(other) }));
  for (const [name, column] of Object.entries(columns)) {
    const points = history.map((row) => (row[column] === null ? null : [x(row[0]), y(row[column])]));
    parts.push(shape("path", { class: name === "train" ? "line train" : "line", d: pathOf(points) }));
  }
  const marked = history.find((row) => row[0] === at) || history[history.length - 1];
  if (marked) parts.push(shape("circle", { class: "mark", cx: x(marked[0]), cy: y(marked[columns.held]), r: 3.6 }));
  svg.replaceChildren(...parts);
}

export function epochUnder(svg, event, epochs) {            // the epoch that the pointer is over
  const box = svg.getBoundingClientRect();
  const place = ((event.clientX - box.left) / box.width * WIDE - LEFT) / (WIDE - LEFT - RIGHT);
  return Math.round(Math.min(Math.max(place, 0), 1) * epochs);
}

export function niceHigh(values) {                          // a round number above all values
  const most = Math.max(0.1, ...values.filter((value) => value !== null && Number.isFinite(value)));
  for (const high of [0.2, 0.5, 1, 2, 3, 4, 6, 8, 12, 20, 50]) if (most <= high) return high;
  return most;
}
