import type { AnchorHTMLAttributes } from "preact";
import { navigate } from "../lib/router.ts";

/** A link to another view of the page; with a key held down, or the middle button, it opens as any link does. */
export function Link({ href, ...rest }: AnchorHTMLAttributes & { href: string }) {
  const follow = (event: MouseEvent) => {
    if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    navigate(href);
  };
  return <a {...rest} href={href} onClick={follow} />;
}
