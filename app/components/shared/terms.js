// One output element taken apart, printed so that what is printed adds up: the same rules as cnn/terms.py, in JavaScript.
// A number times 10^digits is kept as an exact pair (high + low), so rounding decides as Python's whole-number arithmetic does.
const MOST_DIGITS = 6;
const SPLITTER = 134217729;                         // 2^27 + 1

function scaledPair(number, scale) {                // number · scale = high + low, exactly
  const high = number * scale;
  let c = SPLITTER * number; const a1 = c - (c - number), a2 = number - a1;
  c = SPLITTER * scale; const b1 = c - (c - scale), b2 = scale - b1;
  return [high, ((a1 * b1 - high) + a1 * b2 + a2 * b1) + a2 * b2];
}

function floorAndRest(number, scale) {              // [whole units below, rest in 0..1]
  const [high, low] = scaledPair(number, scale);
  let whole = Math.floor(high), rest = (high - whole) + low;
  if (rest < 0) { whole -= 1; rest += 1; } else if (rest >= 1) { whole += 1; rest -= 1; }
  return [whole, rest];
}

export function unitsOf(number, digits) {           // rounded to whole units of 10^-digits, half to even
  const [high, low] = scaledPair(number, 10 ** digits);
  let whole = Math.floor(high), over = (high - whole - 0.5) + low;
  if (high - whole + low < 0) { whole -= 1; over += 1; }
  if (over > 0 || (over === 0 && whole % 2 !== 0)) whole += 1;
  return whole + 0;
}

export function exactSum(numbers) {                 // Shewchuk's partials: the correctly rounded sum
  const partials = [];
  for (let x of numbers) {
    let kept = 0;
    for (let y of partials) {
      if (Math.abs(x) < Math.abs(y)) [x, y] = [y, x];
      const high = x + y, low = y - (high - x);
      if (low) partials[kept++] = low;
      x = high;
    }
    partials.length = kept;
    partials.push(x);
  }
  let place = partials.length, high = 0;
  if (!place) return 0;
  high = partials[--place];
  while (place > 0) {
    const x = high, y = partials[--place];
    high = x + y;
    const low = y - (high - x);
    if (low !== 0) {
      if (place > 0 && ((low < 0 && partials[place - 1] < 0) || (low > 0 && partials[place - 1] > 0))) {
        const twice = low * 2, up = high + twice;
        if (twice === up - high) high = up;
      }
      break;
    }
  }
  return high;
}

export function roundedTerms(terms, digits, total) {
  const scale = 10 ** digits, units = new Array(terms.length), rests = new Array(terms.length);
  let sum = 0;
  for (let i = 0; i < terms.length; i++) {
    const [whole, rest] = floorAndRest(terms[i], scale);
    units[i] = whole; rests[i] = rest; sum += whole;
  }
  const wanted = unitsOf(total === undefined ? exactSum(terms) : total, digits);
  const missing = wanted - sum;
  const order = [];
  for (let i = 0; i < terms.length; i++) if (rests[i] > 0) order.push(i);
  if (missing < 0 || missing > order.length) {
    const plain = terms.map((term) => unitsOf(term, digits));
    return { units: plain, total: wanted, residual: wanted - plain.reduce((a, b) => a + b, 0) };
  }
  if (missing > 0) {
    order.sort((i, j) => rests[j] - rests[i] || i - j);
    for (let i = 0; i < missing; i++) units[order[i]] += 1;
  }
  return { units, total: wanted, residual: 0 };
}

export function agreeingDigits(value, total) {      // most decimals at which both print alike
  if (!Number.isFinite(value) || !Number.isFinite(total)) return 0;
  for (let digits = MOST_DIGITS; digits > 0; digits--) {
    if (unitsOf(value, digits) === unitsOf(total, digits)) return digits;
  }
  return 0;
}

// products: one array a channel. Returns whole units of 10^-digits; limit: no more digits than this.
export function printedTerms(products, bias, value, whole, limit = MOST_DIGITS) {
  const sums = products.map(exactSum);
  let digits = 0;
  if (!whole) {
    const flat = [bias];
    for (const channel of products) for (const product of channel) flat.push(product);
    digits = Math.min(agreeingDigits(value, exactSum(flat)), limit);
  }
  const outer = roundedTerms([...sums, bias], digits, value);
  let residual = outer.residual;
  const inner = products.map((channel, i) => {
    const rounded = roundedTerms(channel, digits, outer.units[i] / 10 ** digits);
    residual += rounded.residual;
    return rounded.units;
  });
  return { products: inner, sums: outer.units.slice(0, -1), bias: outer.units[sums.length], value: outer.total, residual, digits };
}

export function printed(units, digits) {            // whole units as a decimal, with a true minus sign; never "−0"
  const sign = units < 0 ? "−" : "";
  const size = Math.abs(units);
  if (!digits) return sign + size;
  const text = String(size).padStart(digits + 1, "0");
  return `${sign}${text.slice(0, -digits)}.${text.slice(-digits)}`;
}
