// Each network's picture of the person's, as it comes from the server: asked for one after another, kept for a while.
import { LiveChannel } from "../shared/live.js";
import { unpack } from "../shared/wire.js";

const OUTPUTS_KEPT = 16, CONTENT = "content", BY_RERUN = 700;

export class StyleOutputs {
  // hooks: ready() after each picture; settings(); fail(sentence by language); component()
  constructor(hooks) { this.hooks = hooks; this.kept = new Map(); this.asking = ""; this.number = 0; }

  attach(block) {
    this.address = block.address; this.picture = block.picture.key; this.names = [CONTENT, ...block.styles.map((style) => style.name)];
    if (!this.channel && block.live) this.channel = new LiveChannel(block.live, (answer) => this.answered(answer), () => { this.asking = ""; this.next(); });
    else this.channel?.renew(block.live);
    this.take(block);
    if (block.arrays.answer) this.answered(unpack(block.arrays.answer.data));
  }

  key(name) { return `${name} ${this.hooks.settings().size} ${this.picture}`; }

  get(name) { return this.kept.get(this.key(name)) || null; }   // {pixels: ImageData, canvas, seconds} or null

  get last() { return [...this.kept.values()].pop(); }

  async take(block, asked = false) {
    for (const { style, size, picture, seconds } of block.outputs) {
      const key = `${style} ${size} ${picture}`;
      if (this.kept.has(key)) continue;
      const bitmap = await createImageBitmap(new Blob([block.arrays[style].data.slice()], { type: "image/png" }), { colorSpaceConversion: "none" });
      const canvas = new OffscreenCanvas(bitmap.width, bitmap.height), pen = canvas.getContext("2d", { willReadFrequently: true });
      pen.drawImage(bitmap, 0, 0);
      this.kept.set(key, { pixels: pen.getImageData(0, 0, bitmap.width, bitmap.height), canvas, seconds });
      while (this.kept.size > OUTPUTS_KEPT) this.kept.delete(this.kept.keys().next().value);
    }
    if (asked) this.asking = "";
    this.hooks.ready();
    this.next();
  }

  answered(answer) {
    if (answer.error && answer.error.en) { this.asking = ""; this.hooks.fail(answer.error); return; }
    this.take(answer, true);
  }

  next(first = []) {                                        // the chosen styles before the others
    const missing = [CONTENT, ...first, ...(this.names || [])].find((name) => !this.get(name));
    if (!missing || this.asking === this.key(missing)) return;
    this.asking = this.key(missing);
    const request = { style: missing, settings: this.hooks.settings() };
    if (this.channel?.usable) this.channel.request("fast_style", { ...this.address, ...request });
    else setTimeout(() => this.hooks.component()?.setStateValue("asked", { ...request, id: this.number += 1 }), BY_RERUN);
  }

  close() { this.channel?.close(); }
}
