// Controls of forms: texts, numbers, pairs, choices.
import { Field } from "./field.tsx";

interface PairProps {
  label: string;
  type: "date" | "time";
  values: [string, string];
  hint: string;
  onChange(values: [string, string]): void;
}

/** From and to. */
export function Pair({ label, type, values: [from, to], hint, onChange }: PairProps) {
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

interface TextProps {
  label: string;
  value: string;
  hint?: string;
  onChange(value: string): void;
}

/** A short text. */
export function Text({ label, value, hint, onChange }: TextProps) {
  return (
    <Field label={label} hint={hint}>
      {(ties) => (
        <input
          {...ties}
          value={value}
          maxLength={2048}
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

/** A number, 0 for any. */
export function Quantity({ label, value, step, most, onChange }: NumberProps) {
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

interface TicksProps {
  legend: string;
  /** Value and words of each. */
  choices: readonly (readonly [string, string])[];
  chosen: readonly string[];
  hint?: string;
  onChange(chosen: string[]): void;
}

/** Any number of a few choices. */
export function Ticks({ legend, choices, chosen, hint, onChange }: TicksProps) {
  const tick = (value: string, on: boolean) =>
    onChange(choices.flatMap(([one]) => ((one === value ? on : chosen.includes(one)) ? [one] : [])));
  return (
    <fieldset class="field">
      <legend>{legend}</legend>
      <div class="ticks">
        {choices.map(([value, words]) => (
          <label key={value}>
            <input
              type="checkbox"
              checked={chosen.includes(value)}
              onChange={(event) => tick(value, event.currentTarget.checked)}
            />
            {words}
          </label>
        ))}
      </div>
      {hint && <p class="hint">{hint}</p>}
    </fieldset>
  );
}

interface ChoiceProps {
  label: string;
  /** Value and words of each. */
  choices: readonly (readonly [string, string])[];
  value: string;
  hint?: string | undefined;
  onChange(value: string): void;
}

/** One of a few choices. */
export function Choice({ label, choices, value, hint, onChange }: ChoiceProps) {
  return (
    <Field label={label} hint={hint}>
      {(ties) => (
        <select {...ties} value={value} onChange={(event) => onChange(event.currentTarget.value)}>
          {choices.map(([one, words]) => (
            <option key={one} value={one}>
              {words}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}
