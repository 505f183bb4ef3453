// Sends a video to /convscope/video, with its progress; or asks for a clip of a picture. Answers {key, facts} or {error: {en, ko}}.
export const VIDEO_LIMIT = 60_000_000;
export const VIDEO_KINDS = "video/mp4,video/webm,video/quicktime,video/x-matroska,video/x-msvideo,.mp4,.mov,.webm,.mkv,.avi,.m4v";

const videoAddress = (path) => new URL(path, document.baseURI);

// live: {token}. file: a File or Blob, or null with picture: a picture's key. progress(0..1). Ends early with signal.
export function sendVideo(live, { file = null, picture = "", progress = () => {}, signal = null, words = {} } = {}) {
  if (file && file.size > VIDEO_LIMIT) return Promise.resolve({ error: bothOf(words.video_too_large) });
  return new Promise((resolve) => {
    const request = new XMLHttpRequest(), url = videoAddress("convscope/video");
    if (!file) url.searchParams.set("picture", picture);
    request.open("POST", url);
    request.setRequestHeader("X-ConvScope-Token", live.token);
    request.responseType = "json";
    request.upload.onprogress = (event) => { if (event.lengthComputable) progress(event.loaded / event.total); };
    request.onload = () => resolve(request.response || { error: bothOf(words.upload_failed) });
    request.onerror = () => resolve({ error: bothOf(words.upload_failed) });
    request.onabort = () => resolve({ error: null });
    signal?.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}

function bothOf(sentence) { return { en: sentence, ko: sentence }; }

export async function askRun(live, key, { from = 0, count = 0 } = {}) {   // the run's state and frames: a block, or {error}
  const url = videoAddress(`convscope/runs/${key}`);
  url.searchParams.set("from", from); url.searchParams.set("count", count);
  const reply = await fetch(url, { headers: { "X-ConvScope-Token": live.token } });
  return reply.ok ? { buffer: await reply.arrayBuffer() } : { status: reply.status, ...(await reply.json().catch(() => ({}))) };
}

export async function actOnRun(live, key, action, parameters = {}) {
  const reply = await fetch(videoAddress(`convscope/runs/${key}`), {
    method: "POST", body: JSON.stringify({ action, parameters }), headers: { "X-ConvScope-Token": live.token, "Content-Type": "application/json" },
  });
  return { status: reply.status, ...(await reply.json().catch(() => ({}))) };
}

export async function downloadRun(live, key, name) {
  const reply = await fetch(videoAddress(`convscope/runs/${key}/video.mp4`), { headers: { "X-ConvScope-Token": live.token } });
  if (!reply.ok) return false;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await reply.blob());
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  return true;
}
