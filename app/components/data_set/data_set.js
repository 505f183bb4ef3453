// A person's labelled pictures: a folder of folders, a ZIP, or kinds put together here. Pictures are made smaller in the
// browser, packed as one ZIP and sent to /convscope/data-set.
import { fill, make } from "../shared/dom.js";
import { mounted } from "../shared/mounted.js";
import { unpack } from "../shared/wire.js";
import { storedZip } from "./stored_zip.js";

const SHORT_SIDE = 192;                                     // more than the networks read, less than a phone sends
const DATA_SET_LIMIT = 20_000_000, MOST_PICTURES = 600, MOST_KINDS = 20;
const PICTURE_NAME = /\.(jpe?g|png|webp|gif|bmp|tiff?|avif|heic)$/i;

class DataSet {
  constructor(root) {
    this.find = (selector) => root.querySelector(selector);
    this.kinds = [];
    this.folder = make("input", { type: "file", class: "cs-hidden folder", webkitdirectory: true, multiple: true,
      onchange: () => this.takeFolder([...this.folder.files]) });
    this.zip = make("input", { type: "file", class: "cs-hidden zip", accept: ".zip,application/zip", onchange: () => this.takeZip(this.zip.files[0]) });
    this.some = make("input", { type: "file", class: "cs-hidden some", accept: "image/*", multiple: true, onchange: () => this.addKind([...this.some.files]) });
    this.ways = [["choose_folder", this.folder], ["choose_zip", this.zip], ["add_kind", this.some]].map(([word, input]) => [word,
      make("button", { class: "cs-button", type: "button", "data-way": word, onclick: () => { input.value = ""; input.click(); } })]);
    this.find(".ways").replaceChildren(...this.ways.map(([, button]) => button), this.folder, this.zip, this.some);
  }

  update(component) {
    this.component = component;
    if (component.data === this.data) return;
    this.data = component.data;
    this.state = unpack(component.data);
    const { words, skipped } = this.state;
    const { plain } = this.state;                             // any pictures will do: no kinds are asked for
    for (const [word, button] of this.ways) button.textContent = words[word === "add_kind" && plain ? "choose_pictures" : word];
    this.find(".hint").textContent = words[plain ? "plain_hint" : "data_hint"];
    this.find(".left-out").classList.toggle("cs-hidden", !skipped.length);
    this.find(".left-out summary").textContent = fill(words.left_out, { n: skipped.length });
    this.find(".left-out ul").replaceChildren(...skipped.map(([name, why]) => make("li", {}, `${name}: ${why}`)));
    this.drawKinds();
  }

  drawKinds() {
    const { words } = this.state;
    this.find(".kinds").replaceChildren(...this.kinds.map((kind, place) => make("div", { class: "kind" },
      make("input", { type: "text", maxlength: 40, value: kind.name, "aria-label": words.kind_name, oninput: (event) => { kind.name = event.target.value; } }),
      make("span", {}, String(kind.files.length)),
      make("button", { class: "cs-button", type: "button", "aria-label": words.remove_kind, onclick: () => { this.kinds.splice(place, 1); this.drawKinds(); } }, "×"))),
    this.kinds.length > 1 ? make("button", { class: "cs-button cs-main use", type: "button", onclick: () => this.useKinds() }, words.use_kinds) : "");
  }

  addKind(files) {
    if (!files.length) return undefined;
    if (this.state.plain) return this.pack(files.map((file) => ({ path: file.name, file })));
    this.kinds.push({ name: fill(this.state.words.kind_default, { n: this.kinds.length + 1 }), files });
    this.complain("");
    this.drawKinds();
    this.find(".kind:last-of-type input")?.select();
    return undefined;
  }

  useKinds() {
    const named = this.kinds.flatMap((kind, place) => kind.files.map((file) => ({ path: `${safeName(kind.name) || place + 1}/${file.name}`, file })));
    return this.pack(named);
  }

  takeFolder(files) {
    const named = files.map((file) => ({ path: (file.webkitRelativePath || file.name).normalize("NFC"), file }))
      .filter(({ path }) => PICTURE_NAME.test(path) && !path.split("/").some((part) => part.startsWith(".")));
    return this.pack(named);
  }

  async takeZip(file) { if (file) await this.deliver(new Uint8Array(await file.arrayBuffer())); }

  async pack(named) {
    const { words } = this.state;
    const kinds = new Set(named.map(({ path }) => path.split("/").slice(-2)[0])).size;
    if (!named.length) return this.complain(words.no_pictures);
    if (named.length > MOST_PICTURES) return this.complain(fill(words.too_many, { n: named.length, limit: MOST_PICTURES }));
    if (kinds > MOST_KINDS && !this.state.plain) return this.complain(fill(words.too_many_kinds, { n: kinds, limit: MOST_KINDS }));
    this.complain("");
    const packed = [];
    for (const [place, { path, file }] of named.entries()) {
      this.progress(0.8 * place / named.length, fill(words.packing, { n: place + 1, of: named.length }));
      packed.push({ name: path, bytes: await smaller(file) });
    }
    return this.deliver(storedZip(packed));
  }

  async deliver(bytes) {
    const { words, live, language, plain } = this.state;
    if (bytes.length > DATA_SET_LIMIT) { this.progress(null); return this.complain(fill(words.too_large, { megabytes: (bytes.length / 1e6).toFixed(1), limit: DATA_SET_LIMIT / 1e6 })); }
    this.complain("");
    this.progress(0.85, words.reading);
    if (!live) { this.component.setTriggerValue("sent", { data: await inBase64(bytes), at: Date.now() }); return this.progress(null); }
    let answer;
    try {
      const reply = await fetch(new URL("convscope/data-set", document.baseURI), { method: "POST", body: bytes, headers: { "X-ConvScope-Token": live.token, ...(plain ? { "X-ConvScope-Labels": "none" } : {}) } });
      answer = await reply.json();
    } catch { answer = { error: { [language]: words.upload_failed } }; }
    this.progress(null);
    if (answer.error) return this.complain(answer.error[language]);
    this.kinds = [];
    this.drawKinds();
    return this.component.setTriggerValue("kept", { key: answer.key, saved: answer.saved });
  }

  complain(sentence) { this.find(".bad").textContent = sentence; }

  progress(share, note = "") {
    this.find(".progress").classList.toggle("cs-hidden", share === null);
    this.find(".progress i").style.width = `${100 * (share || 0)}%`;
    this.find(".note").textContent = note;
  }
}

function safeName(name) { return name.replaceAll("/", " ").replaceAll("\\", " ").trim(); }

async function smaller(file) {                              // a JPEG with a short side of 192, or the file as it is
  try {
    const bitmap = await createImageBitmap(file);
    const scale = Math.min(1, SHORT_SIDE / Math.min(bitmap.width, bitmap.height));
    const canvas = make("canvas", { width: Math.round(bitmap.width * scale), height: Math.round(bitmap.height * scale) });
    const pen = canvas.getContext("2d");
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.imageSmoothingQuality = "high";
    pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    bitmap.close();
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.92));
    return new Uint8Array(await blob.arrayBuffer());
  } catch { return new Uint8Array(await file.arrayBuffer()); }
}

function inBase64(bytes) {
  return new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.split(",")[1] || "");
    reader.readAsDataURL(new Blob([bytes]));
  });
}

export default mounted(DataSet, ".data-set");
