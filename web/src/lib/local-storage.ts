/** The stored value of a name; null without one, or when storage is disabled. */
export function recall<T>(name: string): T | null {
  try {
    return JSON.parse(localStorage.getItem(`wd.${name}`) ?? "null") as T | null;
  } catch {
    return null;
  }
}

/** Store a value under a name; null removes it. */
export function remember(name: string, value: unknown): void {
  try {
    if (value === null) localStorage.removeItem(`wd.${name}`);
    else localStorage.setItem(`wd.${name}`, JSON.stringify(value));
  } catch {
    // Storage may be disabled; then the value lasts until the page closes.
  }
}
