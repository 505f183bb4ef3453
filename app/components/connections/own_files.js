// A person's own sound or video, decoded by the browser in its sandbox and cut to bounds; it does not leave the browser.
const MOST_FILE = 50_000_000, MOST_SECONDS = 8, MOST_FRAMES = 60, LONGEST_SIDE = 192, FRAME_PATIENCE = 15000;

export class FileRefused extends Error {}                  // its message is the id of a sentence

export async function ownSound(file, rate) {               // → Float32Array of the channels' mean at `rate`, 8 s at most
  if (file.size > MOST_FILE) throw new FileRefused("file_too_large");
  let decoded;
  try {
    decoded = await new OfflineAudioContext(1, rate, rate).decodeAudioData(await file.arrayBuffer());   // resamples to `rate`
  } catch { throw new FileRefused("file_no_sound"); }
  const length = Math.min(decoded.length, MOST_SECONDS * rate), out = new Float32Array(length);
  if (length < 64) throw new FileRefused("file_no_sound");
  for (let channel = 0; channel < decoded.numberOfChannels; channel++) {
    const data = decoded.getChannelData(channel);
    for (let i = 0; i < length; i++) out[i] += data[i] / decoded.numberOfChannels;
  }
  return out;
}

export async function ownVideo(file, progress) {           // → {data: Uint8Array, shape [frames, height, width]} gray, 60 frames at most
  if (file.size > MOST_FILE) throw new FileRefused("file_too_large");
  const video = document.createElement("video"), url = URL.createObjectURL(file);
  video.muted = true; video.preload = "auto"; video.playsInline = true; video.src = url;
  try {
    await happens(video, "loadeddata");
    const scale = Math.min(1, LONGEST_SIDE / Math.max(video.videoWidth, video.videoHeight)), width = Math.round(video.videoWidth * scale), height = Math.round(video.videoHeight * scale);
    const seconds = Number.isFinite(video.duration) ? video.duration : 0, count = Math.min(MOST_FRAMES, Math.floor(seconds * 12.5));
    if (width < 8 || height < 8 || count < 3) throw new FileRefused("file_no_video");
    const canvas = new OffscreenCanvas(width, height), pen = canvas.getContext("2d", { willReadFrequently: true }), data = new Uint8Array(count * width * height);
    for (let n = 0; n < count; n++) {
      video.currentTime = (n + 0.5) / 12.5;
      await happens(video, "seeked");
      pen.drawImage(video, 0, 0, width, height);
      const { data: pixels } = pen.getImageData(0, 0, width, height);
      for (let i = 0; i < width * height; i++) data[n * width * height + i] = Math.round((pixels[4 * i] + pixels[4 * i + 1] + pixels[4 * i + 2]) / 3);
      progress((n + 1) / count);
    }
    return { data, shape: [count, height, width] };
  } catch (error) {
    throw error instanceof FileRefused ? error : new FileRefused("file_no_video");
  } finally { video.removeAttribute("src"); video.load(); URL.revokeObjectURL(url); }
}

function happens(video, name) {
  return new Promise((done, failed) => {
    const timer = setTimeout(() => failed(new Error("too long")), FRAME_PATIENCE);
    video.addEventListener(name, () => { clearTimeout(timer); done(); }, { once: true });
    video.addEventListener("error", () => { clearTimeout(timer); failed(new Error("no video")); }, { once: true });
  });
}
