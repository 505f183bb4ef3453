// Deletion and insertion curves: the probability of the class as pixels go, or come, the hottest first.
const SVG = "http://www.w3.org/2000/svg";
const WIDE = 360, TALL = 130, LEFT = 34, BOTTOM = 20, TOP = 6;

function svgPart(tag, attributes, text) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

export function drawFaithfulness(svg, points, words) {  // points: [[share of pixels, deletion, insertion]]
  const x = (share) => LEFT + share * (WIDE - LEFT - 6), y = (value) => TOP + (1 - value) * (TALL - TOP - BOTTOM);
  svg.setAttribute("viewBox", `0 0 ${WIDE} ${TALL}`);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", words.curve_label);
  const line = (place) => points.map((point, i) => `${i ? "L" : "M"}${x(point[0]).toFixed(1)} ${y(point[place]).toFixed(1)}`).join("");
  const under = (place) => `${line(place)}L${x(points[points.length - 1][0]).toFixed(1)} ${y(0)}L${x(0)} ${y(0)}Z`;
  svg.replaceChildren(...[0, 0.5, 1].flatMap((value) => [svgPart("line", { class: "rule", x1: x(0), x2: x(1), y1: y(value), y2: y(value) }),
    svgPart("text", { x: LEFT - 5, y: y(value) + 4, "text-anchor": "end" }, String(value))]),
  ...[0, 0.5, 1].map((value) => svgPart("text", { x: x(value), y: TALL - 5, "text-anchor": value === 0 ? "start" : value === 1 ? "end" : "middle" }, `${value * 100} %`)),
  ...[["insertion", 2], ["deletion", 1]].flatMap(([name, place]) => [svgPart("path", { class: `under ${name}`, d: under(place) }), svgPart("path", { class: `line ${name}`, d: line(place) })]));
}
