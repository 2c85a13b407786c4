import type { RefObject } from "preact";
import { useEffect, useState } from "preact/hooks";

/** Whether an element can be seen: the page is in front, and it is on the screen or near it. */
export function useSeen(element: RefObject<Element | null>): boolean {
  const [near, setNear] = useState(false);
  const [front, setFront] = useState(!document.hidden);
  useEffect(() => {
    const observer = new IntersectionObserver((entries) => setNear(entries.at(-1)?.isIntersecting ?? false), {
      rootMargin: "120px",
    });
    observer.observe(element.current as Element);
    const changed = () => setFront(!document.hidden);
    document.addEventListener("visibilitychange", changed);
    return () => {
      observer.disconnect();
      document.removeEventListener("visibilitychange", changed);
    };
  }, []);
  return near && front;
}
