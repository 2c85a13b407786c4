import { signal } from "@preact/signals";

/** The path that is shown. */
export const path = signal(location.pathname);

addEventListener("popstate", () => {
  path.value = location.pathname;
});

/** Show another path, with an entry in the browser's history. */
export function navigate(to: string): void {
  if (to === path.value) return;
  history.pushState(null, "", to);
  path.value = to;
  scrollTo(0, 0);
}
