import { useEffect, useState } from "preact/hooks";
import { api } from "../api/client.ts";
import { explain } from "../api/errors.ts";
import type { List, Video } from "../api/types.ts";
import { Field } from "../ui/field.tsx";

const SHOWN = 100;

interface Props {
  chosen: string | null;
  onChange(video: Video): void;
}

/** Choice of a stored video. */
export function VideoField({ chosen, onChange }: Props) {
  const [videos, setVideos] = useState<Video[] | null>(null);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    api
      .get<List<Video>>("/api/v1/videos", { limit: SHOWN })
      .then(({ items }) => {
        const usable = items.filter(({ media, refused }) => media && !refused);
        setVideos(usable);
        const first = usable[0];
        if (first) onChange(first);
      })
      .catch((error) => setProblem(explain(error)));
  }, []);
  const none = videos?.length === 0 ? "There is no video yet. Upload one in Videos first." : "";
  return (
    <Field label="Video" error={problem || none || undefined} hint="It is played at its own pace, over and over.">
      {(ties) => (
        <select
          {...ties}
          value={chosen ?? ""}
          disabled={!videos?.length}
          onChange={(event) => {
            const found = videos?.find(({ id }) => id === event.currentTarget.value);
            if (found) onChange(found);
          }}
        >
          {videos?.map(({ id, name }) => (
            <option key={id} value={id}>
              {name || `Video ${id.slice(0, 8)}`}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}
