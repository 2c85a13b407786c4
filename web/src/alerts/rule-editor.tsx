// The form of an alert rule.
import { useEffect, useState } from "preact/hooks";
import type { Rule, Webhook } from "../api/alert-types.ts";
import { explain } from "../api/errors.ts";
import { loadModels, models } from "../api/models.ts";
import { saveScene, scenes } from "../scenes/scene-store.ts";
import { streams } from "../streams/stream-store.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Choice, Quantity, Text, Ticks } from "../ui/fields.tsx";
import { Labels } from "../upload/labels.tsx";
import { PlaceFields } from "./place-fields.tsx";
import { bodyOf, NEW_WEBHOOK, type RuleForm, whyNot } from "./rule-form.ts";
import { saveRule } from "./rule-store.ts";
import { ScheduleFields } from "./schedule-fields.tsx";
import { WebhookFields } from "./webhook-fields.tsx";
import { addWebhook } from "./webhooks.ts";

interface Props {
  /** Null for a new one. */
  rule: Rule | null;
  initial: RuleForm;
  /** What of a search could not be kept, in words. */
  lost: readonly string[];
  onClose(): void;
  onSaved(rule: Rule): void;
  /** A webhook was added, with its secret. */
  onWebhook(webhook: Webhook): void;
}

/** Seconds between two alerts of a rule. */
const PAUSES: [number, string][] = [
  [1, "a second"],
  [10, "10 seconds"],
  [60, "a minute"],
  [300, "5 minutes"],
  [900, "15 minutes"],
  [3600, "an hour"],
];

export function RuleEditor({ rule, initial, lost, onClose, onSaved, onWebhook }: Props) {
  const [form, setForm] = useState(initial);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  useEffect(() => void loadModels().catch(() => undefined), []);
  const change = (part: Partial<RuleForm>) => {
    setForm((now) => ({ ...now, ...part }));
    setProblem("");
  };
  const save = async () => {
    const wrong = whyNot(form);
    setProblem(wrong ?? "");
    if (wrong) return;
    setBusy(true);
    try {
      const scene = await sceneOf(form, change);
      const webhook = await webhookOf(form, (made) => {
        change({ webhook: made.id });
        onWebhook(made);
      });
      onSaved(await saveRule(rule?.id ?? null, bodyOf(form, scene, webhook)));
      onClose();
    } catch (error) {
      setProblem(explain(error));
      setBusy(false);
    }
  };
  const actions = (
    <>
      <Button onClick={onClose}>Cancel</Button>
      <Button kind="primary" busy={busy} onClick={save}>
        Save
      </Button>
    </>
  );
  const labels = [...new Set(models.value.flatMap((model) => model.labels))];
  const cameras = (streams.value ?? []).map(({ id, name }) => [id, name] as const);
  return (
    <Dialog title={rule ? `Edit ${rule.name}` : "New alert rule"} onClose={onClose} actions={actions} wide>
      {lost.length > 0 && <p class="hint">Not a part of the rule: {lost.join(", ")} of the search.</p>}
      <Text label="Name" value={form.name} onChange={(name) => change({ name })} />
      <div class="rule-fields">
        <Labels label="Labels" all={labels} chosen={form.labels} onChange={(chosen) => change({ labels: chosen })} />
        <Quantity
          label="Minimum confidence"
          value={form.minScore}
          step="0.05"
          most="1"
          onChange={(minScore) => change({ minScore })}
        />
        <Quantity
          label="At least so many seconds"
          value={form.minSeconds}
          step="any"
          most="1000000"
          onChange={(minSeconds) => change({ minSeconds })}
        />
        <PlaceFields form={form} scenes={scenes.value ?? []} onChange={change} />
        {cameras.length > 0 && (
          <Ticks
            legend="Cameras"
            choices={cameras}
            chosen={form.streams}
            hint="None ticked: everything, also videos that are uploaded."
            onChange={(chosen) => change({ streams: chosen })}
          />
        )}
        <Text label="Source" value={form.source} onChange={(source) => change({ source })} />
        <Text label="Tag" value={form.tag} onChange={(tag) => change({ tag })} />
        <Choice
          label="At most one alert in"
          choices={pausesWith(form.pause)}
          value={String(form.pause)}
          onChange={(pause) => change({ pause: Number(pause) })}
        />
        <WebhookFields form={form} onChange={change} />
      </div>
      <ScheduleFields form={form} onChange={change} />
      {problem && (
        <p class="error-text" role="alert">
          {problem}
        </p>
      )}
    </Dialog>
  );
}

/** The scene of a rule; an area is made one. Throws ApiError. */
async function sceneOf(form: RuleForm, change: (part: Partial<RuleForm>) => void): Promise<string> {
  if (!form.area) return form.scene;
  const zones = [{ name: "Area", polygon: form.area }];
  const { id } = await saveScene(null, { name: form.name.trim(), zones, lines: [] });
  // If the rule is refused, the next try uses this scene.
  change({ area: null, scene: id });
  return id;
}

/** The webhook of a rule; a new address is made one. Throws ApiError. */
async function webhookOf({ webhook, url }: RuleForm, onMade: (made: Webhook) => void): Promise<string> {
  if (webhook !== NEW_WEBHOOK) return webhook;
  const made = await addWebhook(url);
  onMade(made);
  return made.id;
}

function pausesWith(own: number): [string, string][] {
  const all: [number, string][] = PAUSES.some(([seconds]) => seconds === own)
    ? PAUSES
    : [...PAUSES, [own, `${own} seconds`]];
  return all.map(([seconds, words]) => [String(seconds), words]);
}
