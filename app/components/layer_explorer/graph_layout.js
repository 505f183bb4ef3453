// Where a network's layers stand in its map: blocks collapsed, ranks by the longest way from the picture, few bends.
export const NODE = { width: 196, height: 34, across: 22, down: 20, lane: 16 };
const SWEEPS = 6, MOST_BENDS = 4000;

export function scopesOf(node, depth) { return node.scope ? node.scope.split(".").slice(0, depth).join(".") : ""; }

export function collapsedAt(nodes, depth) {              // the blocks of a depth that hold more than one layer
  const sizes = new Map();
  for (const node of nodes) {
    const scope = node.scope.split(".").length >= depth ? scopesOf(node, depth) : "";
    if (scope) sizes.set(scope, (sizes.get(scope) || 0) + 1);
  }
  return new Set([...sizes].filter(([, size]) => size > 1).map(([scope]) => scope));
}

function blockOf(node, collapsed) {                      // the outermost collapsed block a layer is in
  const parts = node.scope.split(".");
  for (let depth = 1; depth <= parts.length; depth++) {
    const scope = parts.slice(0, depth).join(".");
    if (collapsed.has(scope)) return scope;
  }
  return "";
}

export function collapseGraph(nodes, collapsed) {        // the same sums as cnn/networks/graph.py's collapsed()
  const owner = new Map(nodes.map((node) => [node.name, blockOf(node, collapsed)])), groups = new Map();
  for (const node of nodes) {
    const key = owner.get(node.name) || node.name;
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(node);
  }
  return [...groups].map(([name, members]) => {
    const inputs = [...new Set(members.flatMap((node) => node.inputs.map((input) => owner.get(input) || input)))].filter((input) => input !== name);
    if (!owner.get(members[0].name)) return { ...members[0], inputs, members: [name] };
    const sum = (key) => members.reduce((total, node) => total + node[key], 0);
    return { name, kind: "block", shape: members[members.length - 1].shape, inputs, members: members.map((node) => node.name),
      parameters: sum("parameters"), adds: sum("adds"), memory: sum("memory"),
      dead: Math.max(...members.map((node) => node.dead)), saturated: Math.max(...members.map((node) => node.saturated)) };
  });
}

export function ranksOf(nodes) {                         // the longest way from the picture; an edge back is no way
  const ranks = new Map(), order = new Map(nodes.map((node, i) => [node.name, i]));
  nodes.forEach((node, i) => {
    const before = node.inputs.filter((input) => order.has(input) && order.get(input) < i);
    ranks.set(node.name, before.length ? Math.max(...before.map((input) => ranks.get(input))) + 1 : 0);
  });
  return ranks;
}

export function layoutGraph(nodes) {                     // → {places: name → {x, y}, edges: [{from, to, points}], width, height}
  const ranks = ranksOf(nodes), rows = [], items = new Map(), edges = [];
  const put = (item, rank) => { (rows[rank] ||= []).push(item); items.set(item.id, item); return item; };
  for (const node of nodes) put({ id: node.name, real: true, up: [], downTo: [], x: 0 }, ranks.get(node.name));
  const spans = nodes.flatMap((node) => node.inputs.filter((input) => ranks.has(input) && ranks.get(input) < ranks.get(node.name))
    .map((input) => ({ from: input, to: node.name, span: ranks.get(node.name) - ranks.get(input) })));
  const longest = spans.reduce((total, edge) => total + edge.span, 0) > MOST_BENDS ? 8 : 80;
  for (const edge of spans) {
    const made = { from: edge.from, to: edge.to, bends: [], far: edge.span > longest };
    edges.push(made);
    if (made.far) continue;
    let last = items.get(edge.from);
    for (let step = 1; step < edge.span; step++) {
      const bend = put({ id: `${edges.length}>${step}`, real: false, up: [last], downTo: [], x: 0 }, ranks.get(edge.from) + step);
      last.downTo.push(bend); made.bends.push(bend); last = bend;
    }
    last.downTo.push(items.get(edge.to)); items.get(edge.to).up.push(last);
  }
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const down = sweep % 2 === 0;
    for (let i = 0; i < rows.length; i++) placeRow(rows[down ? i : rows.length - 1 - i], down ? "up" : "downTo");
  }
  return drawn(rows, edges, items);
}

function placeRow(row, side) {                           // real layers spread around where they want to be; bends beside them
  const wish = (item) => (item[side].length ? item[side].reduce((sum, other) => sum + other.x, 0) / item[side].length : item.x);
  const real = row.filter((item) => item.real).map((item) => ({ item, want: wish(item) })).sort((a, b) => a.want - b.want);
  const step = NODE.width + NODE.across;
  let clusters = [];
  for (const one of real) {
    clusters.push({ members: [one], middle: one.want });
    while (clusters.length > 1) {
      const b = clusters[clusters.length - 1], a = clusters[clusters.length - 2];
      const apart = (a.members.length + b.members.length) / 2 * step;
      if (b.middle - a.middle >= apart) break;
      const members = [...a.members, ...b.members], middle = members.reduce((sum, m) => sum + m.want, 0) / members.length;
      clusters = [...clusters.slice(0, -2), { members, middle }];
    }
  }
  const taken = [];
  for (const { members, middle } of clusters) members.forEach(({ item }, i) => {
    item.x = middle + (i - (members.length - 1) / 2) * step;
    taken.push([item.x - NODE.width / 2 - NODE.lane, item.x + NODE.width / 2 + NODE.lane]);
  });
  const bends = row.filter((item) => !item.real).map((item) => ({ item, want: wish(item) })).sort((a, b) => a.want - b.want);
  for (const { item, want } of bends) {
    item.x = freePlace(want, taken);
    taken.push([item.x - NODE.lane + 1, item.x + NODE.lane - 1]);
  }
}

function freePlace(want, taken) {                        // the nearest place that nothing covers, to the right where both are as near
  const free = (x) => taken.every(([low, high]) => x <= low || x >= high);
  if (free(want)) return want;
  const candidates = taken.flatMap(([low, high]) => [high, low]).filter(free);
  return candidates.reduce((best, x) => (Math.abs(x - want) < Math.abs(best - want) - 1e-6 || (Math.abs(Math.abs(x - want) - Math.abs(best - want)) < 1e-6 && x > best) ? x : best), candidates[0] ?? want);
}

function drawn(rows, edges, items) {
  let left = Infinity, right = -Infinity;
  for (const item of items.values()) { const half = item.real ? NODE.width / 2 : 6; left = Math.min(left, item.x - half); right = Math.max(right, item.x + half); }
  const far = edges.filter((edge) => edge.far).length ? 60 : 0, pitch = NODE.height + NODE.down, margin = 10;
  rows.forEach((row, rank) => row.forEach((item) => { item.px = item.x - left + margin; item.py = margin + rank * pitch; }));
  const places = new Map([...items.values()].filter((item) => item.real).map((item) => [item.id, { x: item.px - NODE.width / 2, y: item.py }]));
  const lines = edges.map(({ from, to, bends, far: side }, i) => {
    const a = items.get(from), b = items.get(to), start = [a.px, a.py + NODE.height], end = [b.px, b.py];
    if (side) { const x = right - left + margin + 12 + i % 8 * 6; return { from, to, points: [start, [x, start[1] + pitch], [x, end[1] - pitch], end] }; }
    return { from, to, points: [start, ...bends.flatMap((bend) => [[bend.px, bend.py], [bend.px, bend.py + NODE.height]]), end] };
  });
  return { places, edges: lines, width: right - left + 2 * margin + far, height: rows.length * pitch + margin };
}

export function pathOf(points) {                         // leaves and arrives upright
  let path = `M${points[0].map(Math.round).join(" ")}`;
  for (let i = 1; i < points.length; i++) {
    const [x0, y0] = points[i - 1], [x1, y1] = points[i], half = (y0 + y1) / 2;
    path += x0 === x1 ? `L${Math.round(x1)} ${Math.round(y1)}` : `C${Math.round(x0)} ${Math.round(half)} ${Math.round(x1)} ${Math.round(half)} ${Math.round(x1)} ${Math.round(y1)}`;
  }
  return path;
}
