/** The labels that contain the typed text, those that begin with it first. */
export function matching(all: readonly string[], chosen: readonly string[], typed: string): string[] {
  const text = typed.trim().toLowerCase();
  const free = all.filter((label) => !chosen.includes(label) && label.toLowerCase().includes(text));
  const begins = (label: string) => Number(label.toLowerCase().startsWith(text));
  return text ? free.sort((a, b) => begins(b) - begins(a)) : free;
}
