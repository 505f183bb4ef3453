// A person's own network: one file to /convscope/network, with progress; what does not fit is named tensor by tensor.
import { fill } from "../shared/dom.js";
import { mounted } from "../shared/mounted.js";
import { unpack } from "../shared/wire.js";

const NETWORK_PATH = "convscope/network";

class NetworkFile {
  constructor(root) {
    this.find = (selector) => root.querySelector(selector);
    this.input = this.find("input");
    this.input.onchange = () => { if (this.input.files[0]) this.send(this.input.files[0]); };
    const drop = this.find(".drop");
    drop.ondragover = (event) => { event.preventDefault(); event.stopPropagation(); drop.classList.add("over"); };
    drop.ondragleave = () => drop.classList.remove("over");
    drop.ondrop = (event) => { event.preventDefault(); event.stopPropagation(); drop.classList.remove("over"); if (event.dataTransfer.files[0]) this.send(event.dataTransfer.files[0]); };
  }

  update(component) {
    this.component = component;
    if (component.data === this.data) return;
    this.data = component.data;
    this.state = unpack(component.data);
    this.find(".what").textContent = this.state.words.file;
    this.find(".choose").textContent = this.state.words.choose;
  }

  say(note, bad = "", lines = []) {
    this.find(".note").textContent = note;
    this.find(".bad").textContent = bad;
    this.find(".differences").classList.toggle("cs-hidden", !lines.length);
    this.find("summary").textContent = fill(this.state.words.differences, { n: lines.length });
    this.find("pre").textContent = lines.join("\n");
  }

  progress(part) {
    this.find(".bar").classList.toggle("cs-hidden", part === null);
    this.find(".bar i").style.width = `${100 * (part || 0)}%`;
  }

  send(file) {
    const { words, live, reading, language } = this.state, request = new XMLHttpRequest();
    this.request?.abort();
    this.request = request;
    request.open("POST", new URL(`${NETWORK_PATH}?as=${encodeURIComponent(reading)}`, document.baseURI));
    request.setRequestHeader("x-convscope-token", live.token);
    request.responseType = "json";
    request.upload.onprogress = (event) => {
      const part = event.total ? event.loaded / event.total : 0;
      this.progress(part);
      this.say(part >= 1 ? words.checking : fill(words.sending, { name: file.name, part: Math.floor(100 * part) }));
    };
    request.onerror = () => { this.progress(null); this.say("", words.upload_failed); };
    request.onload = () => {
      this.progress(null);
      const answer = request.response || {};
      if (answer.error) { this.say("", answer.error[language] || answer.error.en, answer.lines || []); return; }
      if (!answer.key) { this.say("", words.upload_failed); return; }
      this.say(fill(words.sent_to, { name: file.name }));
      this.component.setTriggerValue("kept", { key: answer.key });
    };
    this.say(fill(words.sending, { name: file.name, part: 0 }));
    request.send(file);
    this.input.value = "";
  }

  close() { this.request?.abort(); }
}

export default mounted(NetworkFile, ".network-file");
