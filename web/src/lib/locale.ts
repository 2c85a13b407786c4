// Some browsers of machines without a language (LANG=C: WebKitGTK, on screens that show a wall) name it "C". Intl throws
// there, and uPlot asks it while the page is loaded.
if (!isLanguage(navigator.language)) Object.defineProperty(navigator, "language", { value: "en-US" });

export function isLanguage(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag).length > 0;
  } catch {
    return false;
  }
}
