// Where a rule looks: a scene, a zone or line of it, and what happens there.
import type { Scene } from "../api/track-types.ts";
import { TYPES } from "../scenes/event-text.ts";
import { Button } from "../ui/button.tsx";
import { Choice } from "../ui/fields.tsx";
import { eventsAt, placesOf, type RuleForm } from "./rule-form.ts";

interface Props {
  form: RuleForm;
  scenes: readonly Scene[];
  onChange(part: Partial<RuleForm>): void;
}

const WORDS = new Map<string, string>(TYPES);
const DIRECTIONS = [
  ["", "either way"],
  ["forward", "forward"],
  ["backward", "backward"],
] as const;

export function PlaceFields({ form, scenes, onChange }: Props) {
  if (form.area)
    return (
      <fieldset class="field">
        <legend>Scene</legend>
        <div class="row">
          <span>The area of the search, {form.area.length} corners</span>
          <Button kind="quiet" onClick={() => onChange({ area: null })}>
            Leave it out
          </Button>
        </div>
        <p class="hint">It is kept as a scene with the name of the rule.</p>
      </fieldset>
    );
  const scene = scenes.find(({ id }) => id === form.scene);
  const gone = form.scene && !scene;
  const events = eventsAt(form.place);
  const choose = (place: string) => {
    const fits = !form.event || eventsAt(place).includes(form.event);
    onChange({ place, ...(fits ? {} : { event: "", direction: "" }) });
  };
  return (
    <>
      <Choice
        label="Scene"
        choices={[
          ["", "any place"],
          ...(gone ? [[form.scene, "one that was deleted"] as const] : []),
          ...scenes.map(({ id, name }) => [id, name] as const),
        ]}
        value={form.scene}
        hint={scenes.length ? undefined : "Scenes are drawn on the page of a video."}
        onChange={(id) => onChange({ scene: id, place: "", event: "", direction: "" })}
      />
      {scene && (
        <>
          <Choice
            label="Zone or line"
            choices={[["", "any of them"], ...placesOf(scene)]}
            value={form.place}
            onChange={choose}
          />
          <Choice
            label="What happens"
            choices={[["", "somebody comes"], ...events.map((event) => [event, WORDS.get(event) ?? event] as const)]}
            value={form.event}
            hint={form.event === "dwells" ? "For at least so many seconds, as entered above." : undefined}
            onChange={(event) => onChange({ event: event as RuleForm["event"], direction: "" })}
          />
          {form.event === "crosses" && (
            <Choice
              label="Direction"
              choices={DIRECTIONS}
              value={form.direction}
              onChange={(direction) => onChange({ direction: direction as RuleForm["direction"] })}
            />
          )}
        </>
      )}
    </>
  );
}
