import { signal } from "@preact/signals";

/** The current path, without a slash at its end. */
export const path = signal(current());

addEventListener("popstate", () => {
  path.value = current();
});

function current(): string {
  return location.pathname.replace(/(?<=.)\/+$/, "");
}

/** Navigate to a path, with an entry in the browser's history. */
export function navigate(to: string): void {
  if (to === location.pathname + location.search) return;
  history.pushState(null, "", to);
  path.value = current();
  scrollTo(0, 0);
}

/** Put the query into the URL, for reloads and bookmarks. */
export function rewriteQuery(query: URLSearchParams): void {
  const text = query.toString();
  history.replaceState(null, "", text ? `${location.pathname}?${text}` : location.pathname);
}
