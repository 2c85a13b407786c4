// The events of a scene on a stream: the last ones, and then as they happen.
import { useEffect, useState } from "preact/hooks";
import { api } from "../api/client.ts";
import { explain } from "../api/errors.ts";
import type { Stream } from "../api/stream-types.ts";
import type { EventPage, Scene, SceneEvent } from "../api/track-types.ts";
import { recall, remember } from "../lib/local-storage.ts";
import type { LiveFeed } from "../live/live-feed.ts";
import { loadEarlier, PAGE } from "../scenes/earlier-events.ts";
import { eventText } from "../scenes/event-text.ts";
import { type Moment, momentKey, withEvents } from "../scenes/moments.ts";
import { loadScenes, scenes } from "../scenes/scene-store.ts";
import { Choice } from "../ui/fields.tsx";
import { toast } from "../ui/toast.tsx";

const MOST_SHOWN = 50;

/** The scene that is chosen for a stream, also the next time. */
export function useStreamScene(stream: string): [Scene | null, (id: string) => void] {
  const name = `stream-scene.${stream}`;
  const [id, setId] = useState(() => recall<string>(name) ?? "");
  useEffect(() => {
    loadScenes().catch((error) => toast(`The scenes could not be loaded: ${explain(error)}`, "bad"));
  }, []);
  const choose = (next: string) => {
    remember(name, next || null);
    setId(next);
  };
  return [scenes.value?.find((scene) => scene.id === id) ?? null, choose];
}

interface Props {
  stream: Stream;
  feed: LiveFeed;
  scene: Scene | null;
  onChoose(id: string): void;
  /** Opens the recording of a time, if there is one. */
  openAt(ms: number): boolean;
}

export function StreamScene({ stream, feed, scene, onChoose, openAt }: Props) {
  const known = scenes.value ?? [];
  return (
    <section class="card" aria-labelledby="stream-events-title">
      <h2 id="stream-events-title">Events</h2>
      <Choice
        label="Scene"
        choices={[["", "none"], ...known.map(({ id, name }) => [id, name] as const)]}
        value={scene?.id ?? ""}
        onChange={onChoose}
      />
      {scene ? (
        <Events key={scene.id} stream={stream} feed={feed} scene={scene.id} openAt={openAt} />
      ) : (
        <p class="hint">
          {known.length || !scenes.value
            ? "Shows what happens at the zones and lines of a scene."
            : "There are no scenes yet: zones and lines are drawn beside the results of a video."}
        </p>
      )}
    </section>
  );
}

function Events({ stream, feed, scene, openAt }: Omit<Props, "scene" | "onChoose"> & { scene: string }) {
  const [events, setEvents] = useState<Moment[]>([]);
  const [loading, setLoading] = useState(true);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    const off = new AbortController();
    const add = (more: SceneEvent[], begun: string) =>
      setEvents((before) => withEvents(before, more, begun, MOST_SHOWN));
    // What the feed says belongs to the event, also where the stream was started anew a moment ago.
    const begun = () => (feed.stream.peek() ?? stream).started_at;
    const end = feed.watchScene(scene, (event) => add([event], begun()));
    const take = (earlier: SceneEvent[]) => {
      if (off.signal.aborted) return;
      add(earlier, begun());
      setLoading(false);
    };
    const path = `/api/v1/streams/${stream.id}/scenes/${scene}/events`;
    const load = (cursor: string | null) => api.get<EventPage>(path, { limit: PAGE, cursor }, off.signal);
    loadEarlier(load, MOST_SHOWN, take, off.signal).catch((error) => {
      if (off.signal.aborted) return;
      setLoading(false);
      setProblem(explain(error));
    });
    return () => {
      off.abort();
      end();
    };
  }, [feed, scene]);
  const open = (at: number) =>
    openAt(at - Date.parse(stream.started_at)) || toast("There is no finished recording of that moment yet.");
  return (
    <>
      {!events.length && (
        <p class="soft">{loading ? "Loading the last events…" : "Nothing has happened in the last minutes."}</p>
      )}
      {problem && <p class="soft">Earlier events could not be loaded: {problem}</p>}
      <ul class="events stream-events" role="log" aria-label="Events">
        {events.map((event) => (
          <li key={momentKey(event)}>
            <button type="button" class="text-button" onClick={() => open(event.at)}>
              {new Date(event.at).toLocaleTimeString()}
            </button>{" "}
            {eventText(event)}
          </li>
        ))}
      </ul>
    </>
  );
}
