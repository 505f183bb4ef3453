// Learning in the browser: the same rules as cnn/convolution/learning_problem.py, a step at a time, steered between steps.
const MOMENTUM_KEPT = 0.95, ADAM_UNIT = 0.1, BETA_ONE = 0.9, BETA_TWO = 0.999, TINY = 1e-8;
const LETTER_OF = { momentum: "m", gradient_descent: "g", adam: "a" };
const LEARNER_OF = { m: "momentum", g: "gradient_descent", a: "adam" };

export function readPlan(text) {
  return text.split("_").map((part) => {
    const [, start, letter, rate, noise] = part.match(/^(\d+)([mga])([\d.]+)n(\d+)$/);
    return { start: Number(start), learner: LEARNER_OF[letter], rate: Number(rate), noise: Number(noise) };
  });
}

export function writePlan(phases) {
  return phases.map(({ start, learner, rate, noise }) => `${start}${LETTER_OF[learner]}${Number(rate.toFixed(3))}n${noise}`).join("_");
}

export class Learning {
  // problem: {matrix, right, noise_right, target, start: arrays; constant, noise_constant, noise_power, safe_rate: numbers}
  constructor(problem, phases) {
    Object.assign(this, { problem, phases });
    this.count = problem.target.length;
    this.weights = [Float64Array.from(problem.start)]; this.states = [this.fresh()]; this.losses = []; this.errors = [];
    this.losses.push(this.loss(this.weights[0], phases[0].noise / 100)); this.errors.push(this.error(this.weights[0]));
    this.diverged = false;
  }

  fresh() { return { first: new Float64Array(this.count), second: new Float64Array(this.count), age: 0 }; }

  get last() { return this.weights.length - 1; }

  phaseAt(step) {                                         // the one by which the step after `step` is taken
    let found = this.phases[0];
    for (const phase of this.phases) if (phase.start <= step) found = phase;
    return found;
  }

  loss(weight, noise) {
    const { matrix, right, noise_right: extra, constant, noise_constant: cross, noise_power: power } = this.problem, { count } = this;
    let sum = constant + 2 * noise * cross + noise * noise * power;
    for (let i = 0; i < count; i++) {
      let row = 0;
      for (let j = 0; j < count; j++) row += matrix[i * count + j] * weight[j];
      sum += weight[i] * (row - 2 * (right[i] + noise * extra[i]));
    }
    return sum;
  }

  gradient(weight, noise) {
    const { matrix, right, noise_right: extra } = this.problem, { count } = this, out = new Float64Array(count);
    for (let i = 0; i < count; i++) {
      let row = 0;
      for (let j = 0; j < count; j++) row += matrix[i * count + j] * weight[j];
      out[i] = 2 * (row - right[i] - noise * extra[i]);
    }
    return out;
  }

  error(weight) {
    let most = 0;
    for (let i = 0; i < this.count; i++) most = Math.max(most, Math.abs(weight[i] - this.problem.target[i]));
    return most;
  }

  step() {                                                // one more step at the end; false where there is none to take
    if (this.diverged) return false;
    const at = this.last, phase = this.phaseAt(at), noise = phase.noise / 100, before = this.weights[at];
    const changed = phase.start === at && at > 0 && this.phaseAt(at - 1).learner !== phase.learner;
    const state = changed ? this.fresh() : this.states[at], age = state.age + 1, slope = this.gradient(before, noise);
    const first = new Float64Array(this.count), second = new Float64Array(this.count), weight = new Float64Array(this.count);
    const rate = phase.rate * (phase.learner === "adam" ? ADAM_UNIT : this.problem.safe_rate);
    for (let i = 0; i < this.count; i++) {
      if (phase.learner === "adam") {
        first[i] = BETA_ONE * state.first[i] + (1 - BETA_ONE) * slope[i];
        second[i] = BETA_TWO * state.second[i] + (1 - BETA_TWO) * slope[i] * slope[i];
        const size = Math.sqrt(second[i] / (1 - BETA_TWO ** age)) + TINY;
        weight[i] = before[i] - rate * (first[i] / (1 - BETA_ONE ** age)) / size;
      } else {
        first[i] = (phase.learner === "momentum" ? MOMENTUM_KEPT : 0) * state.first[i] + slope[i];
        weight[i] = before[i] - rate * first[i];
      }
    }
    this.weights.push(weight); this.states.push({ first, second, age });
    this.losses.push(this.loss(weight, noise)); this.errors.push(this.error(weight));
    this.diverged = !(this.losses[at + 1] < 1e12);
    return true;
  }

  reach(step) { while (this.last < step && this.step()); return Math.min(step, this.last); }

  steer(step, values, most) {                             // from `step` on it is learned so; what was learned after it is forgotten
    const now = { ...this.phaseAt(step), ...values, start: step };
    this.phases = this.phases.filter((phase) => phase.start < step).slice(0, most - 1).concat(now);
    for (const list of [this.weights, this.states, this.losses, this.errors]) list.length = Math.min(list.length, step + 1);
    if (step === 0) this.losses[0] = this.loss(this.weights[0], now.noise / 100);
    this.diverged = false;
  }

  get within() {                                          // the first step from which on all weights are within a hundredth
    let place = this.errors.length;
    while (place > 0 && this.errors[place - 1] < 0.01) place -= 1;
    return place < this.errors.length ? place : null;
  }
}

export function mapOf(pixels, rows, columns, weight, side, out) {   // correlation, "valid": float64 sums as they come
  const height = rows - side + 1, width = columns - side + 1;
  out.fill(0);
  for (let u = 0; u < side; u++) {
    for (let v = 0; v < side; v++) {
      const factor = weight[u * side + v];
      for (let y = 0; y < height; y++) {
        const from = (y + u) * columns + v, to = y * width;
        for (let x = 0; x < width; x++) out[to + x] += factor * pixels[from + x];
      }
    }
  }
  return out;
}
