// How numbers and times are written for people. Pure.

const whole = new Intl.NumberFormat("en");

/** 1234567 as "1,234,567". */
export function count(value: number): string {
  return whole.format(value);
}

/** A number with its noun: "1 frame", "2 frames". */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

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

/** How long something takes: "0.8 s", "42 s", "3 min 5 s", "2 h 4 min". */
export function duration(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const rounded = Math.round(seconds);
  if (rounded < 60) return `${rounded} s`;
  if (rounded < 3600) return joined(Math.floor(rounded / 60), "min", rounded % 60, "s");
  return joined(Math.floor(rounded / 3600), "h", Math.floor(rounded / 60) % 60, "min");
}

/** A size on disk: "812 bytes", "1.4 MB". */
export function bytes(size: number): string {
  if (size < 1000) return counted(size, "byte");
  const units = ["kB", "MB", "GB", "TB"];
  let value = size / 1000;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** 0 to 1 as whole percent; only what is done in full is 100 %. */
export function percent(fraction: number): string {
  return `${fraction >= 1 ? 100 : Math.min(99, Math.floor(fraction * 100))} %`;
}

function joined(large: number, name: string, small: number, part: string): string {
  return small ? `${large} ${name} ${small} ${part}` : `${large} ${name}`;
}

function pad(value: number, width: number): string {
  return String(value).padStart(width, "0");
}
