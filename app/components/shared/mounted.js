// A component's default export: one screen object for each place on the page, made again when the place is.
// Streamlit calls the cleanup of a call that a newer one has overtaken while the screen stays: only a place that has
// left the page is closed.
export function mounted(Screen, selector) {
  const screens = new WeakMap();
  return (component) => {
    const root = component.parentElement;
    const box = root.querySelector(selector);
    let screen = screens.get(root);
    if (!screen || screen.box !== box) {
      screen?.close?.();
      screen = new Screen(root);
      screen.box = box;
      box.screen = screen;
      screens.set(root, screen);
    }
    screen.update(component);
    return () => {
      if (root.isConnected || screens.get(root) !== screen) return;
      screen.close?.();
      screens.delete(root);
    };
  };
}
