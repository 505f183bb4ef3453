// Takes pictures in: chosen, dropped anywhere on the page, pasted, or from the camera; sends them to /convscope/upload.
import { fill, make } from "../shared/dom.js";

const UPLOAD_LIMIT = 20_000_000;
const PATIENCE = 30_000;                           // ms that a picture waits for a server that is starting again

let taker = null;                                  // of the newest bar
let waiting = [];                                  // pictures dropped or pasted while a rerun had taken the bar away

// The page itself takes pictures, whether or not a bar stands on it at that moment; of two copies of this script the newer.
const carriesFiles = (event) => [...(event.dataTransfer?.types || [])].includes("Files");
const hint = (shown) => taker?.bar.root.querySelector(".drop").classList.toggle("cs-hidden", !shown);
const received = (event, files) => { event.preventDefault(); if (taker) taker.takeAll(files); else waiting = [...files]; };
const heard = {
  dragover: (event) => { if (carriesFiles(event)) { event.preventDefault(); hint(true); } },
  dragleave: (event) => { if (!event.relatedTarget) hint(false); },
  drop: (event) => { hint(false); if (carriesFiles(event)) received(event, event.dataTransfer.files); },
  paste: (event) => { if (event.clipboardData?.files?.length) received(event, event.clipboardData.files); },
};
document.convscopeEars?.abort();
document.convscopeEars = new AbortController();
for (const [name, hear] of Object.entries(heard)) document.addEventListener(name, hear, { signal: document.convscopeEars.signal });

export function uploader(bar) {
  let stream = null;

  async function takeAll(files) {
    const list = [...files].slice(0, 20);
    let last = null;
    for (const [index, file] of list.entries()) {
      progress((index + 0.05) / list.length);
      const key = await take(file);
      if (key) last = key;
      progress((index + 1) / list.length);
    }
    progress(null);
    if (last) { bar.now.closeAll(true); bar.now.pickUpload(last); }
  }

  async function take(file) {
    const { words, live } = bar.state;
    if (file.size > UPLOAD_LIMIT) {
      complain(fill(words.file_too_large, { megabytes: (file.size / 1e6).toFixed(1), limit: UPLOAD_LIMIT / 1e6 }));
      return null;
    }
    if (!live) { bar.send("uploaded", { data: await asBase64(file), at: Date.now() }); return null; }
    let answer;
    try { answer = await delivered(file); } catch { answer = { error: { [bar.state.language]: words.upload_failed } }; }
    if (answer.error) { complain(answer.error[bar.state.language]); return null; }
    if (!answer.saved) bar.say(words.not_saved, 5);
    return answer.key;
  }

  // The server's answer. Where it is starting again (no answer, or a token of its former life) the picture waits for it.
  async function delivered(file) {
    const until = performance.now() + PATIENCE;
    for (;;) {
      const { token } = bar.now.state.live;
      let reply = null;
      try { reply = await post(file, token); } catch { /* not there yet */ }
      if (reply && (reply.status !== 403 || performance.now() > until)) return reply.json();
      if (performance.now() > until) throw new Error("no answer");
      bar.now.say(bar.state.words.reconnecting, 3);
      bar.now.send("renew", Date.now());              // a rerun brings a fresh token
      for (let tries = 0; tries < 10 && bar.now.state.live.token === token; tries += 1) await new Promise((go) => setTimeout(go, 100));
    }
  }

  function post(file, token) {
    return fetch(new URL("convscope/upload", document.baseURI), {
      method: "POST", body: file, headers: { "X-ConvScope-Token": token },
    });
  }

  function complain(sentence) {
    if (bar.now.root.querySelector(".sheet").classList.contains("cs-hidden")) bar.now.toggle(".sheet", ".picture");
    bar.now.root.querySelector(".sheet .bad").textContent = sentence;
  }

  function progress(part) {
    const line = bar.now.root.querySelector(".progress");
    if (!line) return;                              // dropped on the page while the sheet is shut
    line.classList.toggle("cs-hidden", part === null);
    line.firstChild.style.width = `${100 * (part || 0)}%`;
    if (part !== null && part < 0.1) bar.now.root.querySelector(".sheet .bad").textContent = "";
  }

  async function startCamera(video) {
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1280 } }, audio: false });
    } catch { complain(bar.state.words.no_camera); return false; }
    video.srcObject = stream;
    await video.play();
    return true;
  }

  function stopCamera() {
    if (stream) for (const track of stream.getTracks()) track.stop();
    stream = null;
    bar.root.querySelector(".camera")?.classList.add("cs-hidden");
  }

  async function snapshot(video) {
    const canvas = make("canvas", { width: video.videoWidth, height: video.videoHeight });
    canvas.getContext("2d").drawImage(video, 0, 0);
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.95));
    stopCamera();
    await takeAll([blob]);
  }

  function close() {
    stopCamera();
    if (taker === here) taker = null;
  }
  const here = { bar, takeAll, startCamera, stopCamera, snapshot, close, ready };
  return here;

  // Called once the bar knows its words: what came while there was none is taken now.
  function ready() {
    taker = here;
    if (waiting.length) takeAll(waiting.splice(0));
  }
}

function asBase64(file) {
  return new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.split(",")[1] || "");
    reader.readAsDataURL(file);
  });
}
