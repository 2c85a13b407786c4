// How times and spans are written in the view of a job. Pure.

/** A place in a video: "0:07", "1:02:03"; with `decimals` of a second "0:07.480". The time is cut, not rounded. */
export function clock(ms: number, decimals = 0): string {
  const sign = ms < 0 ? "-" : "";
  // Times come with 3 decimals of a millisecond at most; what is lost in binary must not cut a whole one.
  const total = Math.floor(Math.abs(ms) + 1e-6);
  const seconds = Math.floor(total / 1000);
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  const head = hours ? `${hours}:${pad(minutes, 2)}` : `${minutes}`;
  const tail = decimals ? `.${pad(total % 1000, 3).slice(0, decimals)}` : "";
  return `${sign}${head}:${pad(seconds % 60, 2)}${tail}`;
}

/** How long something took: "0.8 s", "42 s", "3 min 5 s", "2 h 4 min". */
export function duration(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const rounded = Math.round(seconds);
  if (rounded < 60) return `${rounded} s`;
  if (rounded < 3600) return joined(Math.floor(rounded / 60), "min", rounded % 60, "s");
  return joined(Math.floor(rounded / 3600), "h", Math.floor(rounded / 60) % 60, "min");
}

function joined(large: number, name: string, small: number, part: string): string {
  return small ? `${large} ${name} ${small} ${part}` : `${large} ${name}`;
}

function pad(value: number, width: number): string {
  return String(value).padStart(width, "0");
}
