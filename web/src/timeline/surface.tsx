// A surface with a horizontal time axis and the playhead: clicking and dragging seeks.
import { type Signal, useSignalEffect } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Player } from "../player/playback/player.ts";
import { panned, selected, type View, zoomed } from "./series-view.ts";

interface Props {
  player: Pick<Player, "time" | "seek">;
  view: View;
  whole: View;
  /** Start and width of the time axis in CSS pixels. */
  area: Signal<{ left: number; width: number }>;
  name: "strip" | "detail";
  /** Called for shift-drag and Ctrl-wheel. */
  onView?: (view: View) => void;
  children: ComponentChildren;
}

/** For keyboards, the seek bar and the zoom buttons do the same. */
export function Surface({ player, view, whole, area, name, onView, children }: Props) {
  const field = useRef<HTMLDivElement>(null);
  const head = useRef<HTMLDivElement>(null);
  const band = useRef<HTMLDivElement>(null);
  const dragged = useRef<number | null>(null);
  const now = useRef({ view, whole, onView });
  now.current = { view, whole, onView };
  const place = () => {
    const { view } = now.current;
    const { left, width } = area.peek();
    const x = left + ((player.time.peek() - view.from) / Math.max(1, view.to - view.from)) * width;
    if (!head.current) return;
    head.current.style.transform = `translateX(${x}px)`;
    head.current.hidden = x < left - 1 || x > left + width + 1;
  };
  useSignalEffect(() => {
    player.time.value;
    area.value;
    place();
  });
  useEffect(place);
  const timeAt = (clientX: number) => {
    const { left, width } = area.peek();
    const box = (field.current as HTMLElement).getBoundingClientRect();
    const share = Math.min(1, Math.max(0, (clientX - box.left - left) / Math.max(1, width)));
    return now.current.view.from + share * (now.current.view.to - now.current.view.from);
  };
  useEffect(() => onWheel(field.current as HTMLElement, timeAt, now), []);
  const showBand = (from: number, to: number) => {
    const { left, width } = area.peek();
    const { view } = now.current;
    const element = band.current as HTMLDivElement;
    const x = (ms: number) => left + ((ms - view.from) / (view.to - view.from)) * width;
    element.style.left = `${Math.min(x(from), x(to))}px`;
    element.style.width = `${Math.abs(x(to) - x(from))}px`;
    element.hidden = false;
  };
  return (
    <div
      ref={field}
      class={`time-surface ${name}`}
      onPointerDown={(event) => {
        if (event.button !== 0) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        dragged.current = event.shiftKey && onView ? timeAt(event.clientX) : null;
        if (dragged.current === null) player.seek(timeAt(event.clientX));
      }}
      onPointerMove={(event) => {
        if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
        if (dragged.current === null) player.seek(timeAt(event.clientX));
        else showBand(dragged.current, timeAt(event.clientX));
      }}
      onPointerUp={(event) => {
        const from = dragged.current;
        dragged.current = null;
        if (band.current) band.current.hidden = true;
        if (from !== null && onView) onView(selected(from, timeAt(event.clientX), whole));
      }}
    >
      {children}
      <div class="band" ref={band} hidden />
      <div class="playhead" ref={head} />
    </div>
  );
}

/** Ctrl-wheel zooms, horizontal scrolling pans; the plain wheel scrolls the page. */
function onWheel(
  field: HTMLElement,
  timeAt: (x: number) => number,
  now: { current: { view: View; whole: View; onView: ((view: View) => void) | undefined } },
): () => void {
  const turn = (event: WheelEvent) => {
    const { view, whole, onView } = now.current;
    const sideways = Math.abs(event.deltaX) > Math.abs(event.deltaY);
    if (!onView || !(event.ctrlKey || sideways)) return;
    event.preventDefault();
    if (event.ctrlKey) onView(zoomed(view, Math.exp(event.deltaY * 0.004), timeAt(event.clientX), whole));
    else onView(panned(view, (event.deltaX / Math.max(1, field.clientWidth)) * (view.to - view.from), whole));
  };
  field.addEventListener("wheel", turn, { passive: false });
  return () => field.removeEventListener("wheel", turn);
}
