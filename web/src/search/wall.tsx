// The wall of hits. Only the rows on the screen are in the page, however many hits there are.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Hit } from "../api/track-types.ts";
import { Still } from "../stills/still.tsx";
import { Link } from "../ui/link.tsx";
import { choose, chosen } from "./chosen.ts";
import { HitClip } from "./hit-clip.tsx";
import { hitFacts, hitLink, hitPlace, hitTime } from "./hit-text.ts";
import { keyOf } from "./pieces.ts";
import { gridOf, rowsIn, wallHeight } from "./wall-rows.ts";

interface Props {
  hits: readonly Hit[];
  /** Called when the end of the wall comes near. */
  onEnd(): void;
  /** Called before one is opened, with the place on the page. */
  onOpen(top: number): void;
}

export function Wall({ hits, onEnd, onOpen }: Props) {
  const wall = useRef<HTMLUListElement>(null);
  const [width, setWidth] = useState(0);
  const grid = gridOf(width);
  const [{ first, end }, setRows] = useState({ first: 0, end: 0 });
  useLayoutEffect(() => {
    const element = wall.current as HTMLElement;
    const look = () => {
      setWidth(element.clientWidth);
      const now = rowsIn(gridOf(element.clientWidth), hits.length, -element.getBoundingClientRect().top, innerHeight);
      // Most scrolling changes nothing.
      setRows((before) => (before.first === now.first && before.end === now.end ? before : now));
    };
    const resized = new ResizeObserver(look);
    resized.observe(element);
    addEventListener("scroll", look, { passive: true });
    addEventListener("resize", look);
    look();
    return () => {
      resized.disconnect();
      removeEventListener("scroll", look);
      removeEventListener("resize", look);
    };
  }, [hits.length]);
  const from = first * grid.columns;
  const shown = width ? hits.slice(from, end * grid.columns) : [];
  const near = width > 0 && end * grid.columns >= hits.length;
  useEffect(() => {
    if (near) onEnd();
  }, [near, hits.length]);
  return (
    <ul
      class="hit-wall"
      ref={wall}
      aria-label="Hits"
      onClickCapture={() => onOpen(scrollY)}
      style={{ height: `${wallHeight(grid, hits.length)}px`, "--columns": String(grid.columns) }}
    >
      {shown.map((hit, index) => (
        <li
          key={from + index}
          aria-posinset={from + index + 1}
          aria-setsize={-1}
          style={{
            "--row": String(Math.floor((from + index) / grid.columns)),
            "--column": String((from + index) % grid.columns),
            "--row-height": `${grid.rowHeight}px`,
          }}
        >
          <Cell hit={hit} />
        </li>
      ))}
    </ul>
  );
}

function Cell({ hit }: { hit: Hit }) {
  const choice = chosen.value;
  if (!choice)
    return (
      <>
        <Link class="hit" href={hitLink(hit)}>
          <Content hit={hit} />
        </Link>
        <HitClip hit={hit} />
      </>
    );
  return (
    <label class="hit choosable">
      <input type="checkbox" checked={choice.has(keyOf(hit))} onChange={() => choose(hit)} />
      <Content hit={hit} />
    </label>
  );
}

function Content({ hit }: { hit: Hit }) {
  return (
    <>
      <Still job={hit.job_id} track={hit.track} video={hit.video_id} at={hit.best_ms / 1000} box={hit.best_box} />
      <span class="hit-name">
        {hit.label} <span class="soft">{hitFacts(hit)}</span>
      </span>
      <span class="hit-line">{hitPlace(hit)}</span>
      <span class="hit-line soft">{hitTime(hit)}</span>
    </>
  );
}
