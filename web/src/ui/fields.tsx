// Controls of forms: texts, numbers, pairs, choices.
import type { TargetedEvent } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Field } from "./field.tsx";

type InputEvent = TargetedEvent<HTMLInputElement>;

/** What an input needs that tells what was typed when it is complete (the focus has left, or Enter was pressed), and
 * keeps it until then, whatever is rendered meanwhile. */
export function useTyped(value: string, onCommit: (input: HTMLInputElement) => void) {
  const [typed, setTyped] = useState<string | null>(null);
  useEffect(() => setTyped(null), [value]);
  return {
    value: typed ?? value,
    onInput: (event: InputEvent) => setTyped(event.currentTarget.value),
    onChange: (event: InputEvent) => {
      setTyped(null); // what was made of it is shown, also where that is what was there before
      onCommit(event.currentTarget);
    },
  };
}

interface PairProps {
  label: string;
  type: "date" | "time";
  values: [string, string];
  hint: string;
  onChange(values: [string, string]): void;
}

/** From and to. */
export function Pair({ label, type, values: [from, to], hint, onChange }: PairProps) {
  const start = useTyped(from, (input) => onChange([input.value, to]));
  const end = useTyped(to, (input) => onChange([from, input.value]));
  return (
    <fieldset class="field">
      <legend>{label}</legend>
      <div class="pair">
        <input type={type} aria-label={`${label}, from`} {...start} />
        <input type={type} aria-label={`${label}, to`} {...end} />
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
  const typed = useTyped(value, (input) => onChange(input.value.trim()));
  return (
    <Field label={label} hint={hint}>
      {(ties) => <input {...ties} maxLength={2048} {...typed} />}
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
  const typed = useTyped(value ? String(value) : "", (input) => onChange(input.valueAsNumber || 0));
  return (
    <Field label={label}>
      {(ties) => <input {...ties} type="number" min="0" max={most} step={step} placeholder="any" {...typed} />}
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
