import { modelOf, models } from "../lib/models.ts";
import { Field } from "../ui/field.tsx";
import { Labels } from "./labels.tsx";
import type { Complaints, Form } from "./options.ts";
import { Region } from "./region.tsx";

export interface OptionsFormProps {
  form: Form;
  wrong: Complaints;
  onChange(form: Form): void;
  /** Of one video; without it the times and the region make no sense and are left out. */
  video?: { file?: File | undefined; poster?: string | null | undefined } | undefined;
}

const SAMPLINGS = [
  ["all", "Every frame"],
  ["every_n", "One frame of every"],
  ["sample_fps", "At most, frames a second"],
] as const;

/** All that one may ask of a job. */
export function OptionsForm({ form, wrong, onChange, video }: OptionsFormProps) {
  const change = (part: Partial<Form>) => onChange({ ...form, ...part });
  const model = modelOf(form.model);
  return (
    <div class={video ? "options with-video" : "options"}>
      <div class="options-main">
        <Field label="Model" hint={model ? [model.accuracy, model.licence].filter(Boolean).join(" · ") : ""}>
          {(ties) => (
            <select
              {...ties}
              value={model?.id ?? ""}
              onChange={(event) => {
                const chosen = modelOf(event.currentTarget.value);
                const labels = form.labels.filter((label) => chosen?.labels.includes(label));
                change({ model: chosen?.default ? null : (chosen?.id ?? null), labels });
              }}
            >
              {models.value.map(({ id, title, default: usual }) => (
                <option key={id} value={id}>
                  {usual ? `${title} (usual)` : title}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Field
          label="Minimum score"
          error={wrong.minScore}
          hint="Lower finds more, and more that is not there. It can be raised later, while looking."
        >
          {(ties) => (
            <div class="score-pick">
              <input
                type="range"
                min="0.05"
                max="0.95"
                step="0.05"
                aria-label="Minimum score"
                value={form.minScore}
                onInput={(event) => change({ minScore: event.currentTarget.valueAsNumber })}
              />
              <input
                {...ties}
                type="number"
                min="0.01"
                max="1"
                step="0.01"
                value={form.minScore}
                onInput={(event) => change({ minScore: event.currentTarget.valueAsNumber })}
              />
            </div>
          )}
        </Field>
        <Labels all={model?.labels ?? []} chosen={form.labels} onChange={(labels) => change({ labels })} />
        <Sampling form={form} wrong={wrong} onChange={change} />
        {video && (
          <div class="pair">
            <Field label="From" error={wrong.from} hint="Minutes and seconds">
              {(ties) => (
                <input
                  {...ties}
                  placeholder="0:00"
                  value={form.from}
                  onInput={(e) => change({ from: e.currentTarget.value })}
                />
              )}
            </Field>
            <Field label="To" error={wrong.to} hint="Empty: to the end">
              {(ties) => (
                <input
                  {...ties}
                  placeholder="the end"
                  value={form.to}
                  onInput={(e) => change({ to: e.currentTarget.value })}
                />
              )}
            </Field>
          </div>
        )}
      </div>
      {video && (
        <Region {...video} region={form.region} error={wrong.region} onChange={(region) => change({ region })} />
      )}
    </div>
  );
}

function Sampling({ form, wrong, onChange }: { form: Form; wrong: Complaints; onChange(part: Partial<Form>): void }) {
  const error = wrong.everyN ?? wrong.sampleFps;
  return (
    <fieldset class="field sampling">
      <legend>Frames</legend>
      {SAMPLINGS.map(([value, text]) => (
        <div class="radio" key={value}>
          <label>
            <input
              type="radio"
              name="sampling"
              checked={form.sampling === value}
              onChange={() => onChange({ sampling: value })}
            />
            {text}
          </label>
          {value !== "all" && (
            <input
              type="number"
              aria-label={text}
              min={value === "every_n" ? "1" : "0.001"}
              step={value === "every_n" ? "1" : "any"}
              disabled={form.sampling !== value}
              value={value === "every_n" ? form.everyN : form.sampleFps}
              onInput={(event) =>
                onChange({ [value === "every_n" ? "everyN" : "sampleFps"]: event.currentTarget.valueAsNumber })
              }
            />
          )}
        </div>
      ))}
      <p class={error ? "error-text" : "hint"}>{error ?? "Fewer frames are faster; what is short may be missed."}</p>
    </fieldset>
  );
}
