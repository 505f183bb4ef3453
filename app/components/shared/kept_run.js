// The run that this tab began on a screen. Its key is remembered for the tab alone, so that a reloaded page, which is another
// session to the server, can take the run over (app/video_runs.py).
import { actOnRun } from "./video_upload.js";

const RETURN_TRIES = 40, RETURN_PAUSE = 700, RETURN_QUIET = 6;   // the tab before the reload may still count as open for a while

const keptName = (kind) => `convscope-run-${kind}`;

export function rememberedRun(kind) { try { return sessionStorage.getItem(keptName(kind)) || ""; } catch { return ""; } }

export function rememberRun(kind, key) {
  try { if (key) sessionStorage.setItem(keptName(kind), key); else sessionStorage.removeItem(keptName(kind)); } catch { /* a browser that keeps nothing: the run lasts as long as the page */ }
}

// live(): the newest {token}; wanted(): still; wait(error): it takes a while. Answers {} when it is ours, {gone: true, error} when it
// is no longer kept, {error} when its tab is open or the server could not be reached, null when it is no longer wanted.
export async function takeOverRun(kind, key, { live, wanted, wait = () => {} }) {
  let answer = null;
  for (let tries = 0; tries < RETURN_TRIES; tries += 1) {
    if (tries) await new Promise((done) => { setTimeout(done, RETURN_PAUSE); });
    if (!wanted()) return null;
    answer = await actOnRun(live(), key, "take_over", { screen: kind }).catch(() => ({ error: null }));
    if (!wanted()) return null;
    if (answer.key) return {};
    if (answer.status === 404) return { gone: true, error: answer.error };
    wait(tries < RETURN_QUIET ? null : answer.error);
  }
  return { error: answer?.error || null };
}
