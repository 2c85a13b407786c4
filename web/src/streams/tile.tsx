import { useMemo } from "preact/hooks";
import type { Stream } from "../api/stream-types.ts";
import { LiveFeed } from "../live/live-feed.ts";
import { LivePicture } from "../live/live-picture.tsx";
import { Link } from "../ui/link.tsx";
import { Figures } from "./figures.tsx";
import { ActionMenu, useStreamActions } from "./stream-actions.tsx";
import { StreamNotice, useTold } from "./stream-notice.tsx";

/** One stream on the wall: its picture with boxes, its state, its actions. */
export function Tile({ stream, figures }: { stream: Stream; figures: boolean }) {
  const feed = useMemo(() => new LiveFeed(stream.id), [stream.id]);
  const { help, items, dialog } = useStreamActions(stream);
  const { state, tone, title } = useTold(stream, feed);
  const { region = null } = stream.options;
  return (
    <li class="tile">
      <div class="tile-head">
        <h2>
          <Link href={`/live/${stream.id}`}>{stream.name}</Link>
        </h2>
        {(feed.stats.value ?? stream.live)?.recording && (
          <span class="recording-dot" role="img" aria-label="Recording" title="Recording" />
        )}
        <span class={`badge ${tone}`}>{state}</span>
        <ActionMenu stream={stream} items={items} />
      </div>
      <div class="tile-stage">
        <LivePicture
          feed={feed}
          label={`Picture of ${stream.name}`}
          region={region}
          on={stream.wanted === "running" && stream.state !== "failed"}
        />
        <StreamNotice stream={stream} feed={feed} onHelp={help} />
        {figures && title === null && <Figures stats={feed.stats.value} />}
      </div>
      {dialog}
    </li>
  );
}
