// Pictures of single frames, taken from videos in the browser: few videos are open at a time, and what is on the screen
// now comes first.

/** Maximum number of videos that are open. */
const OPEN = 2;
/** A video that shows nothing for so long is given up (ms). */
const PATIENCE_MS = 15_000;

interface Wish {
  url: string;
  /** Time of the frame in seconds. */
  at: number;
  take: (video: HTMLVideoElement) => Promise<void>;
  fail: (error: Error) => void;
  signal: AbortSignal;
}

interface Screen {
  video: HTMLVideoElement;
  url: string;
  busy: boolean;
}

let wishes: Wish[] = [];
const screens: Screen[] = [];

/** Call `take` with a video that shows the frame at that time. Rejects where the browser cannot play it; nothing happens
 * after the signal has aborted. */
export function withFrame<T>(
  url: string,
  at: number,
  take: (video: HTMLVideoElement) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const shown = (video: HTMLVideoElement) => take(video).then(resolve, reject);
    wishes.push({ url, at, take: shown, fail: reject, signal });
    serve();
  });
}

function serve(): void {
  wishes = wishes.filter(({ signal }) => !signal.aborted);
  if (!wishes.length) return;
  const screen = screens.find(({ busy }) => !busy) ?? opened();
  if (!screen) return;
  // The newest wish, and before it those of the video that is open anyway.
  const wish = wishes.findLast(({ url }) => url === screen.url) ?? (wishes.at(-1) as Wish);
  wishes = wishes.filter((other) => other !== wish);
  screen.busy = true;
  void show(screen, wish).finally(() => {
    screen.busy = false;
    serve();
    if (!wishes.length) release();
  });
  serve();
}

function opened(): Screen | null {
  if (screens.length >= OPEN) return null;
  const video = Object.assign(document.createElement("video"), { muted: true, playsInline: true, preload: "auto" });
  const screen = { video, url: "", busy: false };
  screens.push(screen);
  return screen;
}

/** Give the memory of the decoders back. */
function release(): void {
  for (const screen of screens) {
    if (screen.busy || !screen.url) continue;
    screen.url = "";
    screen.video.removeAttribute("src");
    screen.video.load();
  }
}

async function show(screen: Screen, { url, at, take, fail }: Wish): Promise<void> {
  try {
    const { video } = screen;
    if (screen.url !== url) {
      screen.url = url;
      video.src = url;
      await event(video, "loadeddata");
    }
    if (video.currentTime !== at) {
      const there = event(video, "seeked");
      video.currentTime = at;
      await there;
    }
    await take(video);
  } catch (error) {
    screen.url = "";
    fail(error instanceof Error ? error : new Error(String(error)));
  }
}

function event(video: HTMLVideoElement, name: string): Promise<void> {
  const off = new AbortController();
  return new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("the video shows nothing")), PATIENCE_MS);
    off.signal.addEventListener("abort", () => clearTimeout(timer));
    video.addEventListener(name, () => resolve(), { signal: off.signal });
    video.addEventListener("error", () => reject(new Error("the video cannot be played")), { signal: off.signal });
  }).finally(() => off.abort());
}
