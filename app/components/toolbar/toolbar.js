// The bar above every screen: title, picture chooser, language, device, share. Python side: app/widgets/toolbar.py.
import { unpack } from "../shared/wire.js";
import { make } from "../shared/dom.js";
import { mounted } from "../shared/mounted.js";
import { pictureSheet } from "./picture_sheet.js";
import { uploader } from "./uploader.js";
import { installPageStyle } from "./page_style.js";

let newest = null;                                 // a rerun can put a new bar in the place of the one that began an upload
let retelling = 0;

class Toolbar {
  constructor(root) {
    newest = this;
    installPageStyle();
    this.root = root;
    this.find = (selector) => root.querySelector(selector);
    this.uploads = uploader(this);
    this.find(".picture").addEventListener("click", () => this.toggle(".sheet", ".picture"));
    this.find(".device").addEventListener("click", () => this.toggle(".menu", ".device"));
    this.find(".share").addEventListener("click", () => this.share());
    this.onKey = (event) => { if (event.key === "Escape") this.closeAll(true); };
    this.onPress = (event) => { if (!event.composedPath().includes(root.host || root)) this.closeAll(false); };
    document.addEventListener("keydown", this.onKey);
    document.addEventListener("pointerdown", this.onPress);
  }

  update(component) {
    this.component = component;
    this.state = unpack(component.data);
    const { words, picture } = this.state;
    this.find(".title").textContent = this.state.title;
    this.find(".subtitle").textContent = this.state.subtitle;
    this.find(".thumb").src = picture.thumb;
    this.find(".thumb").alt = picture.alt;
    this.find(".picture-name").textContent = picture.name;
    this.find(".picture").title = words.choose_picture;
    this.find(".picture").setAttribute("aria-label", `${words.choose_picture}: ${picture.name}`);
    this.find(".share").textContent = words.share;
    this.find(".share").title = words.share_hint;
    const [kind, device] = this.state.device;
    this.find(".device").replaceChildren(make("span", { class: "short" }, kind), make("span", { class: "long" }, device));
    this.find(".device").title = `${words.device_hint}: ${device}`;
    this.find(".drop").textContent = words.drop_here;
    this.find(".sheet").setAttribute("aria-label", words.choose_picture);
    this.drawLanguages();
    this.drawDevices();
    if (this.find(".sheet").classList.contains("cs-hidden")) this.find(".sheet").replaceChildren();
    else this.fillSheet();
    this.uploads.ready();
  }

  // Some forty pictures: made when the sheet is opened, since the screen's own picture comes first.
  fillSheet() { this.find(".sheet").replaceChildren(...pictureSheet(this)); }

  drawLanguages() {
    const group = this.find(".languages");
    group.setAttribute("aria-label", this.state.words.language);
    group.replaceChildren(...this.state.languages.map(([id, label, short]) => make("button", {
      class: "cs-button", type: "button", role: "radio", title: label, lang: id, "aria-label": label,
      "aria-checked": String(id === this.state.language), onclick: () => this.send("language", id),
    }, short)));
  }

  drawDevices() {
    const { words, devices } = this.state;
    this.find(".menu").replaceChildren(
      make("p", { class: "hint" }, words.device_hint),
      ...devices.map(([id, label, chosen]) => make("button", {
        class: "cs-button", type: "button", role: "menuitemradio", "aria-checked": String(chosen),
        onclick: () => { this.closeAll(true); this.send("device", id); },
      }, label)),
      make("button", { class: "cs-button", type: "button", role: "menuitem",
        onclick: () => { this.closeAll(true); this.send("open", "status"); } }, words.server_status),
    );
  }

  send(name, value) { this.component.setTriggerValue(name, value); }

  // A choice told to a connection that is breaking is lost with it: tell it again until the server shows the picture.
  pickUpload(key, times = 5) {
    clearTimeout(retelling);
    if (this.state.picture.key === key || times === 0) return;
    this.send("picked", { key });
    retelling = setTimeout(() => newest.pickUpload(key, times - 1), 4000);
  }

  pick(value) {
    clearTimeout(retelling);
    this.send("picked", value);
  }

  get now() { return newest; }

  toggle(sheet, button) {
    const open = this.find(sheet).classList.contains("cs-hidden");
    this.closeAll(false);
    if (!open) return;
    if (sheet === ".sheet") this.fillSheet();
    this.find(sheet).classList.remove("cs-hidden");
    this.find(button).setAttribute("aria-expanded", "true");
    this.opened = button;
    this.find(sheet).querySelector("button, input")?.focus({ preventScroll: true });
  }

  closeAll(giveFocusBack) {
    for (const name of [".sheet", ".menu"]) this.find(name).classList.add("cs-hidden");
    for (const name of [".picture", ".device"]) this.find(name).setAttribute("aria-expanded", "false");
    this.uploads.stopCamera();
    if (giveFocusBack && this.opened) this.find(this.opened).focus();
    this.opened = null;
  }

  async share() {
    const link = window.location.href;
    let copied = false;
    try { await navigator.clipboard.writeText(link); copied = true; } catch { copied = copyByField(link); }
    this.say(copied ? this.state.words.link_copied : link);
  }

  say(text, seconds = 2.5) {
    const place = this.find(".said");
    place.textContent = text;
    place.classList.add("shown");
    clearTimeout(this.saying);
    this.saying = setTimeout(() => place.classList.remove("shown"), seconds * 1000);
  }

  close() {
    document.removeEventListener("keydown", this.onKey);
    document.removeEventListener("pointerdown", this.onPress);
    this.uploads.close();
  }
}

function copyByField(text) {                       // where the clipboard API is not allowed (plain http)
  const field = make("textarea", { style: "position:fixed;opacity:0" });
  field.value = text;
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  return done;
}

export default mounted(Toolbar, ".bar");
