// One colour a class, dark enough for white text, the same on every screen that draws boxes.
export const CLASS_COLOURS = ["#d6286e", "#2166ac", "#0c7b5f", "#b25c06", "#6b3fa0"];

export function classColour(label) { return CLASS_COLOURS[label % CLASS_COLOURS.length]; }
