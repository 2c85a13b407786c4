import type { Stream } from "../api/stream-types.ts";
import type { LiveFeed } from "../live/live-feed.ts";
import { unplayable } from "../live/live-feed.ts";
import { Button } from "../ui/button.tsx";
import { Icon } from "../ui/icons.tsx";
import { sending } from "../webcam/sender.ts";
import { type Told, told, troubles } from "./stream-text.ts";

export type Help = NonNullable<Told["help"]>;

interface Props {
  stream: Stream;
  feed: LiveFeed;
  onHelp(help: Help): void;
}

const HELP_WORDS: Record<Help, string> = { edit: "Edit", start: "Start", send: "Send from this device" };

/** The state of a stream, by what its socket told last, and by how sending this device's camera goes. */
export function useTold(stream: Stream, feed: LiveFeed): Told {
  const now = feed.stats.value;
  const own = sending.value.get(stream.id);
  const state = told(stream, now && stream.wanted === "running" ? now : stream);
  if (!own || stream.wanted === "stopped" || state.tone === "good") return state;
  if (own.state === "failed")
    return { ...state, tone: "bad", title: "The camera is not sent", advice: own.problem, help: "send" };
  return { ...state, tone: "busy", state: "Connecting", title: "Connecting the camera", advice: null, help: null };
}

/** What lies over the picture of a stream where something is wrong or not there yet; nothing where all is well. */
export function StreamNotice({ stream, feed, onHelp }: Props) {
  const { title, advice, help, tone } = useTold(stream, feed);
  if (title)
    return (
      <div class={`stream-notice ${tone}`} role="status">
        {tone === "bad" && <Icon name="alert" />}
        <p class="notice-title">{title}</p>
        {advice && <p>{advice}</p>}
        {help && <Button onClick={() => onHelp(help)}>{HELP_WORDS[help]}</Button>}
      </div>
    );
  return <Small stream={stream} feed={feed} live={tone === "good"} />;
}

/** A line at the bottom of a stream of which nothing is wrong. live: pictures come. */
function Small({ stream, feed, live: isLive }: Omit<Props, "onHelp"> & { live: boolean }) {
  const cannot = unplayable(feed.config.value);
  if (cannot)
    return (
      <div class="stream-notice" role="status">
        <p class="notice-title">{cannot}</p>
        <Seen feed={feed} />
      </div>
    );
  const problem = feed.problem.value;
  const { live } = stream;
  const now = feed.stats.value;
  const running = live && { ...live, ...now, ...(now?.fps_out ? { detector: undefined } : {}) };
  const lines = problem ? [problem.detail] : running && isLive ? troubles(stream, running) : [];
  if (!feed.connected.value) lines.unshift("Connecting…");
  else if (!lines.length && !feed.pictured.value) lines.push("Waiting for the picture…");
  if (!lines.length) return null;
  return (
    <p class="stream-line" role="status">
      {lines.join(" ")}
    </p>
  );
}

/** What is detected now, where there is no picture to draw it on. */
function Seen({ feed }: { feed: LiveFeed }) {
  feed.revision.value;
  const newest = feed.newest();
  if (!newest) return null;
  const counts = new Map<string, number>();
  for (const { label } of newest.detections) counts.set(label, (counts.get(label) ?? 0) + 1);
  const words = [...counts].map(([label, count]) => `${label} ${count}`);
  return <p>{words.join(" · ") || "nothing at the moment"}</p>;
}
