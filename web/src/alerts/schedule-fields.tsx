// When a rule applies: days and hours.
import { DAY_WORDS } from "../search/query.ts";
import { Pair, Ticks } from "../ui/fields.tsx";
import type { RuleForm } from "./rule-form.ts";

const CHOICES = DAY_WORDS.map((words, day) => [String(day), words] as const);

interface Props {
  form: RuleForm;
  onChange(part: Partial<RuleForm>): void;
}

export function ScheduleFields({ form, onChange }: Props) {
  return (
    <fieldset class="schedule">
      <legend class="unseen">When</legend>
      <label class="tick">
        <input
          type="checkbox"
          checked={form.timed}
          onChange={(event) => onChange({ timed: event.currentTarget.checked })}
        />
        Only at certain times
      </label>
      {form.timed && (
        <div class="rule-fields">
          <Ticks
            legend="Days"
            choices={CHOICES}
            chosen={form.days.map(String)}
            onChange={(days) => onChange({ days: days.map(Number) })}
          />
          <Pair
            label="Hours"
            type="time"
            values={[form.from, form.to]}
            onChange={([from, to]) => onChange({ from, to })}
            hint={`By the clocks of ${form.timezone}. From 22:00 to 06:00 is the night that begins on the day.`}
          />
        </div>
      )}
    </fieldset>
  );
}
