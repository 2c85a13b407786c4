import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { modelOf, models } from "../api/models.ts";
import { OPTION_TABLE, type OptionEntry } from "../api/option-table.ts";
import type { Model } from "../api/types.ts";
import { Field } from "../ui/field.tsx";
import { Labels } from "./labels.tsx";
import type { Form, FormErrors } from "./options.ts";
import { RegionField } from "./region.tsx";

export interface OptionsFormProps {
  form: Form;
  errors: FormErrors;
  onChange(form: Form): void;
  /** The video of the options; without one, time range and region are hidden. picture: of a stream that runs. */
  video?:
    | { file?: File | undefined; poster?: string | null | undefined; picture?: ComponentChildren | undefined }
    | undefined;
  /** What the options are for. */
  of?: "job" | "stream";
}

interface ControlProps {
  form: Form;
  errors: FormErrors;
  model: Model | undefined;
  onChange(part: Partial<Form>): void;
}

type EntryOf<T> = Extract<OptionEntry, { type: T }>;

const SAMPLING = OPTION_TABLE.filter((entry) => "group" in entry);
const TIMES = OPTION_TABLE.filter((entry) => entry.type === "time");
const GENERAL = OPTION_TABLE.filter((entry) => !("group" in entry) && !("scope" in entry));

const isFor = (of: "job" | "stream") => (entry: OptionEntry) => of === "job" || "stream" in entry;

/** All options of a job or of a stream. */
export function OptionsForm({ form, errors, onChange, video, of = "job" }: OptionsFormProps) {
  const change = (part: Partial<Form>) => onChange({ ...form, ...part });
  const model = modelOf(form.model);
  const shared = { form, errors, model, onChange: change };
  return (
    <div class={video ? "options with-video" : "options"}>
      <div class="options-main">
        <ModelField {...shared} />
        {GENERAL.filter(isFor(of)).map((entry) => (
          <Control key={entry.name} entry={entry} {...shared} />
        ))}
        <Sampling {...shared} entries={SAMPLING.filter(isFor(of))} />
        {video && of === "job" && (
          <div class="pair">
            {TIMES.map((entry) => (
              <TimeField key={entry.name} entry={entry} {...shared} />
            ))}
          </div>
        )}
      </div>
      {video && (
        <RegionField {...video} region={form.region} error={errors.region} onChange={(region) => change({ region })} />
      )}
    </div>
  );
}

function ModelField({ form, model, onChange }: ControlProps) {
  const select = (id: string) => {
    const chosen = modelOf(id);
    const labels = form.labels.filter((label) => chosen?.labels.includes(label));
    const masks = form.masks && chosen?.masks === true;
    onChange({ model: chosen?.default ? null : (chosen?.id ?? null), labels, masks });
  };
  return (
    <Field label="Model" hint={model ? [model.accuracy, model.licence].filter(Boolean).join(" · ") : ""}>
      {(ties) => (
        <select {...ties} value={model?.id ?? ""} onChange={(event) => select(event.currentTarget.value)}>
          {models.value.map(({ id, title, default: isDefault }) => (
            <option key={id} value={id}>
              {isDefault ? `${title} (default)` : title}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

/** The control of an option, by its type. */
function Control({ entry, ...shared }: ControlProps & { entry: (typeof GENERAL)[number] }) {
  const { form, model, onChange } = shared;
  switch (entry.type) {
    case "labels":
      return (
        <Labels
          label={entry.label}
          all={model?.labels ?? []}
          chosen={form.labels}
          onChange={(labels) => onChange({ labels })}
        />
      );
    case "boolean":
      return <BooleanField entry={entry} {...shared} />;
    case "number":
      return <NumberField entry={entry} {...shared} />;
    default:
      return null;
  }
}

/** A number field with a slider. */
function NumberField({ entry, form, errors, onChange }: ControlProps & { entry: EntryOf<"number"> }) {
  const bounds = { min: entry.minimum, max: entry.maximum, step: entry.step };
  const input = (event: { currentTarget: HTMLInputElement }) =>
    onChange({ [entry.name]: event.currentTarget.valueAsNumber });
  return (
    <Field label={entry.label} error={errors[entry.name]} hint={entry.help}>
      {(ties) => (
        <div class="score-pick">
          <input type="range" {...bounds} aria-label={entry.label} value={form[entry.name]} onInput={input} />
          <input {...ties} type="number" {...bounds} value={form[entry.name]} onInput={input} />
        </div>
      )}
    </Field>
  );
}

/** A checkbox; absent where the model does not support the option. */
function BooleanField({ entry, form, model, onChange }: ControlProps & { entry: EntryOf<"boolean"> }) {
  if (!model?.[entry.needs]) return null;
  const excluded = form.sampling === entry.without;
  return (
    <div class="field">
      <label class="tick">
        <input
          type="checkbox"
          checked={form[entry.name] && !excluded}
          disabled={excluded}
          onChange={(event) => onChange({ [entry.name]: event.currentTarget.checked })}
        />
        {entry.label}
      </label>
      <p class="hint">{excluded ? "Not together with filled-in boxes: only boxes can be filled in." : entry.help}</p>
    </div>
  );
}

function TimeField({ entry, form, errors, onChange }: ControlProps & { entry: EntryOf<"time"> }) {
  return (
    <Field label={entry.label} error={errors[entry.name]} hint={entry.help}>
      {(ties) => (
        <input
          {...ties}
          placeholder={entry.name === "start_ms" ? "0:00" : "end"}
          value={form[entry.name]}
          onInput={(event) => onChange({ [entry.name]: event.currentTarget.value })}
        />
      )}
    </Field>
  );
}

/** All frames, or one of the options of which only one can be set. */
function Sampling({ form, errors, onChange, entries }: ControlProps & { entries: typeof SAMPLING }) {
  const error = entries.map(({ name }) => errors[name]).find(Boolean);
  const id = useId();
  const radio = (part: Pick<Form, "sampling"> & Partial<Form>, text: string, hint?: string) => (
    <label>
      <input
        type="radio"
        name="sampling"
        aria-describedby={hint}
        checked={form.sampling === part.sampling && (!part.frames || form.frames === part.frames)}
        onChange={() => onChange(part)}
      />
      {text}
    </label>
  );
  const choice = (part: Parameters<typeof radio>[0], text: string, help: string) => (
    <div class="radio choice" key={text}>
      {radio(part, text, `${id}-${text}`)}
      <p class="hint" id={`${id}-${text}`}>
        {help}
      </p>
    </div>
  );
  const choices = entries.flatMap((entry) => (entry.type === "choice" ? entry.choices : []));
  return (
    <fieldset class="field sampling">
      <legend>Frames to detect in</legend>
      {choices.length > 0 ? (
        choice({ sampling: "all" }, "All", "Misses nothing that the model can find, and takes the longest.")
      ) : (
        <div class="radio">{radio({ sampling: "all" }, "All")}</div>
      )}
      {choices.map(({ value, label, help }) =>
        choice({ sampling: "frames", frames: value, masks: false }, label, help),
      )}
      {entries
        .filter((entry) => entry.type !== "choice")
        .map(({ name, label, help, minimum, step }) => (
          <div class="radio" key={name} title={help}>
            {radio({ sampling: name }, label)}
            <input
              type="number"
              aria-label={label}
              min={minimum}
              step={step}
              disabled={form.sampling !== name}
              value={form[name]}
              onInput={(event) => onChange({ [name]: event.currentTarget.valueAsNumber })}
            />
          </div>
        ))}
      <p class={error ? "error-text" : "hint"}>
        {error ?? "Fewer frames are faster, but brief appearances may be missed."}
      </p>
    </fieldset>
  );
}
