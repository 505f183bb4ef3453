// What opens under the picture button: upload, camera, the person's pictures, the built-in ones, a number matrix.
import { make } from "../shared/dom.js";

export function pictureSheet(bar) {
  const { words, gallery, uploads } = bar.state;
  return [
    uploadZone(bar),
    uploads.length ? section(words.my_pictures, cards(bar, uploads)) : null,
    section(words.built_in, cards(bar, gallery)),
    section(words.number_matrix, ...matrixEditor(bar)),
  ].filter(Boolean);
}

function section(title, ...content) {
  return make("section", {}, make("h2", {}, title), ...content);
}

function cards(bar, pictures) {
  return make("div", { class: "cards" }, pictures.map((picture) => make("button", {
    class: "card", type: "button", "aria-current": String(picture.key === bar.state.picture.key), title: picture.alt,
    onclick: () => { bar.closeAll(true); bar.pick({ key: picture.key }); },
  }, make("img", { src: picture.thumb, alt: picture.alt, loading: "lazy" }), picture.name)));
}

function uploadZone(bar) {
  const { words } = bar.state;
  const input = make("input", { type: "file", multiple: true, class: "cs-hidden",
    accept: "image/jpeg,image/png,image/webp,image/gif,image/bmp,image/tiff,image/avif,.jpg,.jpeg,.png,.webp,.gif,.bmp,.tif,.tiff,.avif",
    onchange: () => { bar.uploads.takeAll(input.files); input.value = ""; } });
  const video = make("video", { muted: true, playsinline: true, "aria-label": words.camera });
  const camera = make("div", { class: "camera row cs-hidden" }, video,
    make("button", { class: "cs-button cs-main", type: "button", onclick: () => bar.uploads.snapshot(video) }, words.take_picture));
  const start = async () => { if (await bar.uploads.startCamera(video)) camera.classList.remove("cs-hidden"); };
  return make("div", { class: "zone" },
    make("div", { class: "row" },
      make("button", { class: "cs-button cs-main upload", type: "button", onclick: () => input.click() }, words.upload),
      navigator.mediaDevices ? make("button", { class: "cs-button", type: "button", onclick: start }, words.camera) : null),
    make("p", { class: "hint" }, words.upload_hint), input, camera,
    make("div", { class: "progress cs-hidden" }, make("i")), make("p", { class: "bad", role: "alert" }));
}

function matrixEditor(bar) {
  const { words, matrices, matrix } = bar.state;
  const field = make("textarea", { class: "numbers", spellcheck: "false", "aria-label": words.number_matrix });
  field.value = matrix.text;
  const use = (text) => { bar.closeAll(true); bar.pick({ key: "matrix", matrix: text }); };
  return [
    make("div", { class: "row" }, matrices.map((preset) => make("button", {
      class: "cs-button", type: "button", onclick: () => use(preset.id) }, preset.name))),
    make("p", { class: "hint" }, words.matrix_hint),
    field,
    make("p", { class: "bad", role: "alert" }, matrix.error || ""),
    make("button", { class: "cs-button cs-main", type: "button", onclick: () => use(field.value) }, words.use_matrix),
  ];
}
