import type { AnchorHTMLAttributes } from "preact";
import { navigate } from "../lib/router.ts";

/** A link to another page of the web UI without reload; with a modifier key or the middle button, an ordinary link. */
export function Link({ href, ...rest }: AnchorHTMLAttributes & { href: string }) {
  const follow = (event: MouseEvent) => {
    if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    navigate(href);
  };
  return <a {...rest} href={href} onClick={follow} />;
}
