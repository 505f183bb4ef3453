// Controls from the browser's own inputs, each with its label: every one has set(value), and calls back with a plain value.
import { make } from "./dom.js";
import { readNumber } from "./numbers.js";

let fieldCount = 0;

function row(label, ...content) {
  const id = `cs-field-${fieldCount += 1}`;
  const name = make("label", { for: id }, label);
  return { id, name, element: make("div", { class: "field" }, name, ...content) };
}

export function selectField(label, options, change) {   // options: [[id, text]] or [[group, [[id, text]]]]
  const input = make("select", { onchange: () => change(input.value) });
  const field = row(label, input);
  input.id = field.id;
  for (const [id, text] of options) {
    if (Array.isArray(text)) input.append(make("optgroup", { label: id }, text.map(([value, shown]) => make("option", { value }, shown))));
    else input.append(make("option", { value: id }, text));
  }
  return { ...field, input, set: (value) => { if (input.value !== value) input.value = value; } };
}

export function rangeField(label, low, high, step, change, unit = "") {   // a slider, and a number that can be typed
  const slider = make("input", { type: "range", min: low, max: high, step, oninput: () => { number.value = slider.value; change(Number(slider.value)); } });
  const number = make("input", { type: "text", inputmode: "numeric", class: "number", "aria-label": label, onchange: () => {
    const typed = readNumber(number.value);
    const value = typed === null ? Number(slider.value) : Math.min(Math.max(step === 1 ? Math.round(typed) : typed, low), high);
    number.value = String(value); slider.value = String(value);
    change(value);
  } });
  const field = row(label, slider, number, unit ? make("span", { class: "unit" }, unit) : null);
  slider.id = field.id;
  const busy = () => field.element.getRootNode().activeElement === slider;
  return { ...field, slider, number, set: (value) => {
    if (!busy() && slider.value !== String(value)) slider.value = String(value);
    if (field.element.getRootNode().activeElement !== number) number.value = String(value);
  } };
}

export function numberField(label, change, width = 5) {
  let last = 0;
  const input = make("input", { type: "text", inputmode: "decimal", class: "number", size: width, onchange: () => {
    const typed = readNumber(input.value);
    if (typed === null) { input.value = String(last); return; }
    last = typed; change(typed);
  } });
  const field = row(label, input);
  input.id = field.id;
  return { ...field, input, set: (value) => { last = value; if (input.getRootNode().activeElement !== input) input.value = String(value); } };
}

export function choiceField(label, options, change) {   // a few options side by side, as one radio group
  const field = row(label);
  const name = field.id;
  const group = make("div", { class: "choices", role: "radiogroup", "aria-labelledby": `${name}-name` });
  field.name.id = `${name}-name`; field.name.removeAttribute("for");
  const inputs = options.map(([id, text, hint]) => {
    const input = make("input", { type: "radio", name, value: id, id: `${name}-${id}`, onchange: () => change(id) });
    group.append(input, make("label", { for: `${name}-${id}`, title: hint || null }, text));
    return input;
  });
  field.element.append(group);
  return { ...field, inputs, set: (value) => { for (const input of inputs) input.checked = input.value === value; } };
}

export function flagField(label, change, hint) {
  const input = make("input", { type: "checkbox", onchange: () => change(input.checked) });
  const id = `cs-field-${fieldCount += 1}`;
  input.id = id;
  return { element: make("div", { class: "field flag" }, input, make("label", { for: id, title: hint || null }, label)), input,
    set: (value) => { input.checked = Boolean(value); } };
}

export function group(title, open, ...content) {
  return make("details", { class: "group", open }, make("summary", {}, title), ...content.map((part) => part?.element || part));
}
