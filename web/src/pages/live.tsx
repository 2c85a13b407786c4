// The wall: all streams of the user with their running pictures.
import { useEffect, useRef, useState } from "preact/hooks";
import { url } from "../api/client.ts";
import { recall, remember } from "../lib/local-storage.ts";
import { AddStream } from "../streams/add-stream.tsx";
import { followStreams, loadStreams, streams, streamsProblem } from "../streams/stream-store.ts";
import { Tile } from "../streams/tile.tsx";
import { columnsFor, MOST_TILES } from "../streams/wall-grid.ts";
import { Button } from "../ui/button.tsx";
import { CurlLine } from "../ui/curl.tsx";
import { Empty, Failure, Waiting } from "../ui/empty.tsx";
import "../streams/streams.css";

const FIGURES = "live-figures";

export function LivePage() {
  const [adding, setAdding] = useState(false);
  const [figures, setFigures] = useState(recall<boolean>(FIGURES) ?? false);
  useEffect(followStreams, []);
  const list = streams.value;
  const show = (on: boolean) => {
    setFigures(on);
    remember(FIGURES, on || null);
  };
  return (
    <>
      <div class="row between live-head">
        <h1 tabIndex={-1}>Live</h1>
        <div class="row">
          {list && list.length > 0 && (
            <label class="tick">
              <input type="checkbox" checked={figures} onChange={(event) => show(event.currentTarget.checked)} />
              Show figures
            </label>
          )}
          <Button kind="primary" icon="plus" onClick={() => setAdding(true)}>
            Add camera
          </Button>
        </div>
      </div>
      <Wall figures={figures} />
      <CurlLine path={url("/api/v1/streams")} />
      {adding && <AddStream onClose={() => setAdding(false)} />}
    </>
  );
}

function Wall({ figures }: { figures: boolean }) {
  const wall = useRef<HTMLUListElement>(null);
  const [width, setWidth] = useState(innerWidth);
  const [first, setFirst] = useState(0);
  const list = streams.value;
  const some = Boolean(list?.length);
  useEffect(() => {
    if (!wall.current) return;
    const observer = new ResizeObserver(([entry]) => setWidth(entry?.contentRect.width ?? innerWidth));
    observer.observe(wall.current);
    return () => observer.disconnect();
  }, [some]);
  if (!list && streamsProblem.value)
    return (
      <Failure
        title="The streams could not be loaded"
        detail={streamsProblem.value}
        onRetry={() => void loadStreams()}
      />
    );
  if (!list) return <Waiting label="Loading the streams" />;
  if (!list.length)
    return (
      <Empty icon="camera" title="No cameras yet">
        <p>Add this device's camera, a network camera, or a stored video to try it out.</p>
      </Empty>
    );
  const start = Math.min(first, Math.floor((list.length - 1) / MOST_TILES) * MOST_TILES);
  const shown = list.slice(start, start + MOST_TILES);
  return (
    <>
      <ul class="wall" ref={wall} aria-label="Streams" style={{ "--columns": columnsFor(shown.length, width) }}>
        {shown.map((stream) => (
          <Tile stream={stream} figures={figures} key={stream.id} />
        ))}
      </ul>
      {list.length > MOST_TILES && (
        <p class="more">
          <Button disabled={start === 0} onClick={() => setFirst(start - MOST_TILES)}>
            Newer
          </Button>
          <span class="soft">
            {start + 1} to {start + shown.length} of {list.length}
          </span>
          <Button disabled={start + MOST_TILES >= list.length} onClick={() => setFirst(start + MOST_TILES)}>
            Older
          </Button>
        </p>
      )}
    </>
  );
}
