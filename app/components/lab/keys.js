// The lab without a mouse: arrows move the cell, Enter pins it, space plays, + − 0 zoom, [ ] change the map.
export function labKeys(lab, root) {
  root.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !lab.pin || !lab.first?.result) return;
    const far = event.shiftKey ? 10 : 1;
    const [rows, columns] = lab.first.geometry.outputs;
    const actions = {
      ArrowUp: () => lab.movePin(-far, 0), ArrowDown: () => lab.movePin(far, 0), ArrowLeft: () => lab.movePin(0, -far), ArrowRight: () => lab.movePin(0, far),
      Home: () => lab.movePin(0, -columns), End: () => lab.movePin(0, columns), PageUp: () => lab.movePin(-rows, 0), PageDown: () => lab.movePin(rows, 0),
      Enter: () => { if (lab.hovered) lab.pinAt(lab.hovered.lane, lab.hovered.row, lab.hovered.column, lab.hovered.pool); },
      " ": () => lab.player.toggle(1), "+": () => zoomAtPin(lab, 1.5), "=": () => zoomAtPin(lab, 1.5), "-": () => zoomAtPin(lab, 1 / 1.5),
      0: () => zoomAtPin(lab, 0),
      "]": () => lab.change({ index: (lab.first.result.index + 1) % lab.first.geometry.maps }, lab.first),
      "[": () => lab.change({ index: (lab.first.result.index + lab.first.geometry.maps - 1) % lab.first.geometry.maps }, lab.first),
    };
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}

export function zoomAtPin(lab, factor) {                  // around the pinned cell; 0: everything again
  if (!lab.pin || !lab.first?.result) return;
  if (!factor) { lab.stage.viewport.reset(); lab.stage.redraw(); return; }
  const { x, y, width, height } = lab.first.affineOf("before");
  const at = [x + (lab.pin.column + 0.5) * width, y + (lab.pin.row + 0.5) * height], { viewport } = lab.stage;
  if (viewport.zoom === 1 && factor > 1) { viewport.x = at[0]; viewport.y = at[1]; }
  viewport.zoomBy(factor, ...at);
}
