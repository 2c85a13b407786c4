import { Field } from "../ui/field.tsx";
import { type RecordForm, recordError } from "./stream-form.ts";

interface Props {
  form: RecordForm;
  onChange(form: RecordForm): void;
}

/** Whether and how a stream is recorded. */
export function RecordFields({ form, onChange }: Props) {
  const change = (part: Partial<RecordForm>) => onChange({ ...form, ...part });
  const error = recordError(form);
  return (
    <fieldset class="field record-fields">
      <legend>Recording</legend>
      <label class="tick">
        <input type="checkbox" checked={form.on} onChange={(event) => change({ on: event.currentTarget.checked })} />
        Record, with the detections
      </label>
      {form.on && (
        <div class="triple">
          <Field label="Minutes each">
            {(ties) => (
              <input
                {...ties}
                type="number"
                min="0.1"
                max="60"
                step="any"
                value={form.minutes}
                onInput={(event) => change({ minutes: event.currentTarget.valueAsNumber })}
              />
            )}
          </Field>
          <Field label="Delete after days">
            {(ties) => (
              <input
                {...ties}
                inputMode="decimal"
                placeholder="never"
                value={form.days}
                onInput={(event) => change({ days: event.currentTarget.value })}
              />
            )}
          </Field>
          <Field label="Keep at most GB">
            {(ties) => (
              <input
                {...ties}
                inputMode="decimal"
                placeholder="all"
                value={form.gigabytes}
                onInput={(event) => change({ gigabytes: event.currentTarget.value })}
              />
            )}
          </Field>
        </div>
      )}
      <p class={error ? "error-text" : "hint"}>
        {error ?? "Recordings appear in the list of videos. The oldest are deleted where a limit is reached."}
      </p>
    </fieldset>
  );
}
