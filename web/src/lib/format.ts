// Sizes and counts as text. Pure.

/** "12.3 MB": powers of 1000. */
export function bytes(count: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = count;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value < 9.95 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** 12,345 in the reader's locale. */
export function count(value: number): string {
  return value.toLocaleString();
}

/** "12 %", "3.2 %": a part of 1 in two digits. */
export function percent(part: number): string {
  return `${(100 * part).toFixed(part >= 0.0995 ? 0 : 1)} %`;
}

/** "1 video", "2 videos". */
export function many(value: number, one: string, more = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : more}`;
}
