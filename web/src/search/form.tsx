// The form of a search: each change searches.
import { useEffect } from "preact/hooks";
import { loadModels, models } from "../api/models.ts";
import { Field } from "../ui/field.tsx";
import { Labels } from "../upload/labels.tsx";
import { AreaField } from "./area.tsx";
import { DAYS, type Query, WAYS } from "./query.ts";

interface Props {
  query: Query;
  /** A video among the hits, for its picture. */
  video: string | null;
  onChange(part: Partial<Query>): void;
}

const DAY_WORDS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const WAY_WORDS = ["up", "up right", "right", "down right", "down", "down left", "left", "up left"];

export function SearchForm({ query, video, onChange }: Props) {
  useEffect(() => void loadModels().catch(() => undefined), []);
  const labels = [...new Set(models.value.flatMap((model) => model.labels))];
  const day = (name: string, on: boolean) =>
    onChange({ weekdays: DAYS.filter((one) => (one === name ? on : query.weekdays.includes(one))) });
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
      <fieldset class="field">
        <legend>Days of the week</legend>
        <div class="days">
          {DAYS.map((name, index) => (
            <label key={name}>
              <input
                type="checkbox"
                checked={query.weekdays.includes(name)}
                onChange={(event) => day(name, event.currentTarget.checked)}
              />
              {DAY_WORDS[index]}
            </label>
          ))}
        </div>
      </fieldset>
      <Text label="Camera or source" value={query.source} onChange={(source) => onChange({ source })} />
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
      <Field label="Direction">
        {(ties) => (
          <select
            {...ties}
            value={query.direction}
            onChange={(event) => onChange({ direction: event.currentTarget.value })}
          >
            <option value="">any</option>
            {WAYS.map((way, index) => (
              <option key={way} value={way}>
                {WAY_WORDS[index]}
              </option>
            ))}
          </select>
        )}
      </Field>
      <AreaField polygon={query.polygon} video={video} onChange={(polygon) => onChange({ polygon })} />
    </div>
  );
}

interface PairProps {
  label: string;
  type: "date" | "time";
  values: [string, string];
  hint: string;
  onChange(values: [string, string]): void;
}

/** From and to. */
function Pair({ label, type, values: [from, to], hint, onChange }: PairProps) {
  return (
    <fieldset class="field">
      <legend>{label}</legend>
      <div class="pair">
        <input
          type={type}
          aria-label={`${label}, from`}
          value={from}
          onChange={(event) => onChange([event.currentTarget.value, to])}
        />
        <input
          type={type}
          aria-label={`${label}, to`}
          value={to}
          onChange={(event) => onChange([from, event.currentTarget.value])}
        />
      </div>
      <p class="hint">{hint}</p>
    </fieldset>
  );
}

function Text({ label, value, onChange }: { label: string; value: string; onChange(value: string): void }) {
  return (
    <Field label={label}>
      {(ties) => (
        <input
          {...ties}
          value={value}
          maxLength={255}
          onChange={(event) => onChange(event.currentTarget.value.trim())}
        />
      )}
    </Field>
  );
}

interface NumberProps {
  label: string;
  value: number;
  step: string;
  most: string;
  onChange(value: number): void;
}

function Quantity({ label, value, step, most, onChange }: NumberProps) {
  return (
    <Field label={label}>
      {(ties) => (
        <input
          {...ties}
          type="number"
          min="0"
          max={most}
          step={step}
          placeholder="any"
          value={value || ""}
          onChange={(event) => onChange(event.currentTarget.valueAsNumber || 0)}
        />
      )}
    </Field>
  );
}
