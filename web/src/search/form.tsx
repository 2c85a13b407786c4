// The form of a search: each change searches.
import { useEffect } from "preact/hooks";
import { loadModels, models } from "../api/models.ts";
import type { Hit } from "../api/track-types.ts";
import { loadScenes, scenes } from "../scenes/scene-store.ts";
import { loadStreams, streams } from "../streams/stream-store.ts";
import { Choice, Pair, Quantity, Text, Ticks } from "../ui/fields.tsx";
import { Labels } from "../upload/labels.tsx";
import { AreaField } from "./area.tsx";
import { backdrops } from "./backdrops.ts";
import { DAY_WORDS, DAYS, type Query, WAYS } from "./query.ts";
import { SceneField } from "./scene-field.tsx";

interface Props {
  query: Query;
  /** What was found, for pictures of the places. */
  hits: readonly Hit[];
  onChange(part: Partial<Query>): void;
}

const WAY_WORDS = ["up", "up right", "right", "down right", "down", "down left", "left", "up left"];

export function SearchForm({ query, hits, onChange }: Props) {
  useEffect(() => {
    // Without these there is less to choose from.
    loadModels().catch(() => undefined);
    loadScenes().catch(() => undefined);
    void loadStreams();
  }, []);
  const known = streams.value ?? [];
  const cameras = known.map(({ id, name }) => [id, name] as const);
  const gone = query.stream && !known.some(({ id }) => id === query.stream);
  const zoned = (scenes.value ?? []).filter(({ zones }) => zones.length > 0);
  const labels = [...new Set(models.value.flatMap((model) => model.labels))];
  return (
    <div class="search-fields">
      <Labels label="Labels" all={labels} chosen={query.labels} onChange={(chosen) => onChange({ labels: chosen })} />
      <Pair
        label="Days"
        type="date"
        values={[query.from, query.to]}
        onChange={([from, to]) => onChange({ from, to })}
        hint="When the video was recorded."
      />
      <Pair
        label="Time of the day"
        type="time"
        values={[query.hourFrom, query.hourTo]}
        onChange={([hourFrom, hourTo]) => onChange({ hourFrom, hourTo })}
        hint="From 22:00 to 06:00 is the night."
      />
      <Ticks
        legend="Days of the week"
        choices={DAYS.map((name, index) => [name, DAY_WORDS[index] as string])}
        chosen={query.weekdays}
        onChange={(weekdays) => onChange({ weekdays })}
      />
      {(known.length > 0 || query.stream) && (
        <Choice
          label="Camera"
          choices={[["", "any"], ...(gone ? [[query.stream, "one that was deleted"] as const] : []), ...cameras]}
          value={query.stream}
          onChange={(stream) => onChange({ stream })}
        />
      )}
      <Text label="Source" value={query.source} onChange={(source) => onChange({ source })} />
      <Text label="Tag" value={query.tag} onChange={(tag) => onChange({ tag })} />
      <Quantity
        label="Minimum confidence"
        value={query.minScore}
        step="0.05"
        most="1"
        onChange={(minScore) => onChange({ minScore })}
      />
      <Quantity
        label="At least so many seconds"
        value={query.minSeconds}
        step="any"
        most="1000000"
        onChange={(minSeconds) => onChange({ minSeconds })}
      />
      <Choice
        label="Direction"
        choices={[["", "any"], ...WAYS.map((way, index) => [way, WAY_WORDS[index] as string] as const)]}
        value={query.direction}
        onChange={(direction) => onChange({ direction })}
      />
      {(zoned.length > 0 || query.scene) && (
        <SceneField
          scenes={zoned}
          scene={query.scene}
          zones={query.zones}
          onChange={(scene, zones) => onChange({ scene, zones, polygon: null })}
        />
      )}
      <AreaField
        polygon={query.polygon}
        backdrops={backdrops(query, known, hits)}
        onChange={(polygon) => onChange({ polygon, scene: "", zones: [] })}
      />
    </div>
  );
}
