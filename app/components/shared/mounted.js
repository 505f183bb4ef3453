// A component's default export: one screen object for each place on the page, made again when the place is.
export function mounted(Screen, selector) {
  const screens = new WeakMap();
  return (component) => {
    const root = component.parentElement;
    let screen = screens.get(root);
    if (!screen || screen.box !== root.querySelector(selector)) {
      screen?.close();
      screen = new Screen(root);
      screen.box = root.querySelector(selector);
      screen.box.screen = screen;
      screens.set(root, screen);
    }
    screen.update(component);
    return () => { screen.close(); screens.delete(root); };
  };
}
