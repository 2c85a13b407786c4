// Times and durations as text. Pure.

/** A time of a video: "0:07", "1:02:03"; with `decimals` of a second "0:07.480". The time is cut, not rounded. */
export function clock(ms: number, decimals = 0): string {
  const sign = ms < 0 ? "-" : "";
  // Times come with 3 decimals of a millisecond at most; binary rounding must not cut a whole one.
  const total = Math.floor(Math.abs(ms) + 1e-6);
  const seconds = Math.floor(total / 1000);
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  const head = hours ? `${hours}:${pad(minutes, 2)}` : `${minutes}`;
  const tail = decimals ? `.${pad(total % 1000, 3).slice(0, decimals)}` : "";
  return `${sign}${head}:${pad(seconds % 60, 2)}${tail}`;
}

/** A duration: "0.8 s", "42 s", "3 min 5 s", "2 h 4 min". */
export function duration(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const rounded = Math.round(seconds);
  if (rounded < 60) return `${rounded} s`;
  if (rounded < 3600) return joined(Math.floor(rounded / 60), "min", rounded % 60, "s");
  return joined(Math.floor(rounded / 3600), "h", Math.floor(rounded / 60) % 60, "min");
}

/** "1:02.5" or "62.5" as ms; null where the text is no time. */
export function parseClock(text: string): number | null {
  const match = /^(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d+)?)$/.exec(text.trim());
  if (!match) return null;
  const [, h = "0", m = "0", s = "0"] = match;
  if (text.includes(":") && Number(s) >= 60) return null;
  return Math.round((Number(h) * 3600 + Number(m) * 60 + Number(s)) * 1000);
}

/** Remaining time in words; seconds. */
export function left(seconds: number): string {
  if (seconds < 1) return "a moment left";
  if (seconds < 60) return `${Math.ceil(seconds)} s left`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min left`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min left`;
}

/** How long ago, in words; the date where it is more than a day. */
export function ago(time: string, now = Date.now()): string {
  const seconds = (now - Date.parse(time)) / 1000;
  if (seconds < 60) return "just now";
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return day(time);
}

export function day(time: string): string {
  return new Date(time).toLocaleDateString(undefined, { year: "numeric", month: "short", day: "numeric" });
}

function joined(large: number, name: string, small: number, part: string): string {
  return small ? `${large} ${name} ${small} ${part}` : `${large} ${name}`;
}

function pad(value: number, width: number): string {
  return String(value).padStart(width, "0");
}
