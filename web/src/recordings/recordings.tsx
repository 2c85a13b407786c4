import { useEffect, useState } from "preact/hooks";
import { api } from "../api/client.ts";
import { explain } from "../api/errors.ts";
import type { Recording } from "../api/stream-types.ts";
import type { List } from "../api/types.ts";
import { bytes } from "../lib/format.ts";
import { duration } from "../lib/time-format.ts";
import { recordingWords } from "../streams/stream-text.ts";
import { Button } from "../ui/button.tsx";
import { Link } from "../ui/link.tsx";

const PAGE = 24;
const POLL_MS = 10_000;

export interface Recordings {
  items: Recording[];
  problem: string;
  more: (() => Promise<void>) | null;
}

/** The recordings of a stream, newest first, kept up to date. */
export function useRecordings(stream: string): Recordings {
  const path = `/api/v1/streams/${stream}/recordings`;
  const [items, setItems] = useState<Recording[]>([]);
  const [cursor, setCursor] = useState<string | null>(null);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    let over = false;
    const load = async () => {
      if (document.hidden) return;
      try {
        const page = await api.get<List<Recording>>(path, { limit: PAGE });
        if (over) return;
        const fresh = new Set(page.items.map(({ id }) => id));
        setItems((before) => {
          const last = page.items.at(-1);
          const older = before.filter((one) => !fresh.has(one.id) && last && one.started_at < last.started_at);
          if (!older.length) setCursor(page.next_cursor);
          return [...page.items, ...older];
        });
        setProblem("");
      } catch (error) {
        if (!over) setProblem(explain(error));
      }
    };
    void load();
    const timer = setInterval(load, POLL_MS);
    return () => {
      over = true;
      clearInterval(timer);
    };
  }, [path]);
  const more = async () => {
    const page = await api.get<List<Recording>>(path, { limit: PAGE, cursor });
    setItems((before) => [...before, ...page.items]);
    setCursor(page.next_cursor);
  };
  return { items, problem, more: cursor ? more : null };
}

export function RecordingList({ items, problem, more }: Recordings) {
  return (
    <section class="card recordings" aria-labelledby="recordings-title">
      <h2 id="recordings-title">Recordings</h2>
      {problem && <p class="error-text">{problem}</p>}
      {!items.length && !problem && (
        <p class="soft">None yet. Edit switches recording on; each recording has its own detections.</p>
      )}
      <ul>
        {items.map((recording) => (
          <Row recording={recording} key={recording.id} />
        ))}
      </ul>
      {more && <Button onClick={() => void more()}>Show more</Button>}
    </section>
  );
}

function Row({ recording }: { recording: Recording }) {
  const { started_at, ended_at, size_bytes, job_id, state } = recording;
  const begun = new Date(started_at);
  const name = begun.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
  const seconds = ended_at ? (Date.parse(ended_at) - begun.getTime()) / 1000 : null;
  const facts = [seconds === null ? "" : duration(seconds), size_bytes === null ? "" : bytes(size_bytes)];
  return (
    <li>
      {job_id && state === "filed" ? <Link href={`/jobs/${job_id}`}>{name}</Link> : <span>{name}</span>}
      <span class="soft">{[...facts, recordingWords(recording)].filter(Boolean).join(" · ")}</span>
    </li>
  );
}
