// What is done to the picture before the network reads it, step by step, as pictures.
import { fill, make } from "../shared/dom.js";
import { paintMap, paintPicture } from "../shared/colours.js";

export class PreparePanel {
  constructor(root, screen) { this.root = root; this.screen = screen; }

  show() {
    const { picture, words, graph } = this.screen;
    if (!picture || this.shown === `${picture.id}${words.language}`) return;
    this.shown = `${picture.id}${words.language}`;
    const [channels, height, width] = picture.image.shape;
    const [x, y, w, h] = picture.crop, frame = make("i", { class: "crop" });
    Object.assign(frame.style, { left: `${100 * x}%`, top: `${100 * y}%`, width: `${100 * w}%`, height: `${100 * h}%` });
    const figure = (title, size, ...content) => make("figure", { class: "step" }, make("figcaption", {}, make("b", {}, title), make("span", {}, size)), ...content);
    const steps = [
      figure(words.step_picture, picture.size.join(" × "), make("img", { src: picture.thumb, alt: picture.alt })),
      figure(words.step_resized, picture.resized_size.join(" × "), make("div", { class: "framed" }, make("img", { src: picture.resized, alt: words.step_resized }), frame)),
      figure(words.step_cropped, `${width} × ${height}`, this.canvas(width, height, words.step_cropped, (out) => paintPicture(picture.image.data, out, channels, -1, null))),
    ];
    const limit = Math.max(...picture.mean.map((mean, c) => Math.max(mean, 1 - mean) / picture.std[c]));
    const planes = picture.mean.map((mean, c) => {
      const plane = new Float32Array(height * width), shift = c * height * width;
      for (let i = 0; i < plane.length; i++) plane[i] = (picture.image.data[shift + i] / 255 - mean) / picture.std[c];
      return this.canvas(width, height, `${words.channel} ${c}`, (out) => paintMap(plane, out, { kind: "signed", limit }));
    });
    steps.push(figure(words.step_normalised, graph.input.join(" × "), make("div", { class: "planes" }, planes)));
    const numbers = (list) => list.map((value) => String(Number(value.toFixed(4)))).join(", ");
    this.root.replaceChildren(make("div", { class: "steps" }, steps), make("p", { class: "hint" }, fill(words.step_note, { mean: numbers(picture.mean), std: numbers(picture.std), how: picture.interpolation })));
  }

  canvas(width, height, alt, paint) {
    const sheet = make("canvas", { role: "img", "aria-label": alt }), image = new ImageData(width, height);
    sheet.width = width; sheet.height = height;
    paint(new Uint32Array(image.data.buffer));
    sheet.getContext("2d").putImageData(image, 0, 0);
    return sheet;
  }
}
