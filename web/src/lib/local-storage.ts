/** What this browser remembers under a name; null when it remembers nothing, or is not let to. */
export function recall<T>(name: string): T | null {
  try {
    return JSON.parse(localStorage.getItem(`wd.${name}`) ?? "null") as T | null;
  } catch {
    return null;
  }
}

/** Remember a value under a name, or forget it with null. */
export function remember(name: string, value: unknown): void {
  try {
    if (value === null) localStorage.removeItem(`wd.${name}`);
    else localStorage.setItem(`wd.${name}`, JSON.stringify(value));
  } catch {
    // A browser may be set to keep nothing; then it is remembered until the page closes, by who asked.
  }
}
