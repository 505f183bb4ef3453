// Numbers as text: tabular, with a true minus sign, never longer than needed; written only where they changed.
export function setText(element, text) { if (element.textContent !== text) element.textContent = text; }

export function plainNumber(value, digits = 4) {     // at most `digits` decimals, no trailing zeros
  if (!Number.isFinite(value)) return "–";
  const text = Number.isInteger(value) ? String(value) : String(Number(value.toFixed(digits)));
  return text.startsWith("-") ? (text === "-0" ? "0" : "−" + text.slice(1)) : text;
}

export function shortNumber(value) {                 // about four characters: for cells and axes
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  let text;
  if (size >= 1e6) text = (value / 1e6).toFixed(size >= 1e7 ? 0 : 1) + "M";
  else if (size >= 1e5) text = (value / 1e3).toFixed(0) + "k";
  else if (Number.isInteger(value) || size >= 100) text = value.toFixed(0);
  else if (size >= 10) text = value.toFixed(1);
  else if (size >= 0.01 || size === 0) text = value.toFixed(2);
  else text = value.toExponential(0);
  return Number(text) === 0 ? "0" : text.replace("-", "−");
}

export function readableCount(value) {               // 1234567 → 1,234,567; from ten million on 12.3 M
  if (value >= 1e9) return `${(value / 1e9).toFixed(2)} G`;
  if (value >= 1e7) return `${(value / 1e6).toFixed(1)} M`;
  return value.toLocaleString("en-US");
}

export function readNumber(text) {                   // what a person typed: "−1.5", "1/9", "3"; null if it is no number
  const clean = String(text).trim().replace("−", "-").replace(",", ".");
  const parts = clean.match(/^(-?\d*\.?\d+(?:e-?\d+)?)(?:\/(\d*\.?\d+))?$/i);
  if (!parts) return null;
  const number = Number(parts[1]) / (parts[2] === undefined ? 1 : Number(parts[2]));
  return Number.isFinite(number) ? number : null;
}
