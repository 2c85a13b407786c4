// The alert rules: add, edit, switch on and off, delete.
import { useState } from "preact/hooks";
import type { Rule, Webhook } from "../api/alert-types.ts";
import { explain } from "../api/errors.ts";
import { day } from "../lib/time-format.ts";
import { scenes } from "../scenes/scene-store.ts";
import { streams } from "../streams/stream-store.ts";
import { Button, IconButton } from "../ui/button.tsx";
import { Confirm } from "../ui/dialog.tsx";
import { Failure, Waiting } from "../ui/empty.tsx";
import { Link } from "../ui/link.tsx";
import { toast } from "../ui/toast.tsx";
import { RuleEditor } from "./rule-editor.tsx";
import { emptyForm, formOf, fromTemplate, type RuleForm, TEMPLATES } from "./rule-form.ts";
import { deleteRule, loadRules, rules, rulesProblem, saveRule } from "./rule-store.ts";
import { failureText, type Names, refusalText, ruleFacts, searchText } from "./rule-text.ts";
import { SecretDialog } from "./webhook-fields.tsx";
import { refusals, webhooks } from "./webhooks.ts";

interface Editing {
  rule: Rule | null;
  form: RuleForm;
  lost: string[];
}

/** begun: the rule that a search was to become. */
export function RuleList({ begun, zone }: { begun: Omit<Editing, "rule"> | null; zone: string }) {
  const [editing, setEditing] = useState<Editing | null>(begun && { rule: null, ...begun });
  const [deleting, setDeleting] = useState<Rule | null>(null);
  const [made, setMade] = useState<Webhook | null>(null);
  const list = rules.value;
  const add = (form: RuleForm) => setEditing({ rule: null, form, lost: [] });
  return (
    <section class="card rules" aria-labelledby="rules-title">
      <div class="row between">
        <h2 id="rules-title">Rules</h2>
        <Button icon="plus" onClick={() => add(emptyForm(zone))}>
          Add rule
        </Button>
      </div>
      {!list && rulesProblem.value && (
        <Failure title="The rules could not be loaded" detail={rulesProblem.value} onRetry={() => void loadRules()} />
      )}
      {!list && !rulesProblem.value && <Waiting rows={2} label="Loading the rules" />}
      {list?.length === 0 && (
        <p class="soft">
          A rule says what to look for in videos and on cameras, where, and when. Begin with one of these:
        </p>
      )}
      {list?.length === 0 && (
        <div class="row templates">
          {TEMPLATES.map((template) => (
            <Button key={template.name} onClick={() => add(fromTemplate(template, zone))}>
              {template.name}
            </Button>
          ))}
        </div>
      )}
      {list && list.length > 0 && (
        <p class="hint">
          Rules look at what comes after they were made or changed. What was recorded more than 7 days ago raises no
          alerts: <Link href="/search">search</Link> finds it.
        </p>
      )}
      <ul aria-label="Rules">
        {list?.map((rule) => (
          <Row
            key={rule.id}
            rule={rule}
            zone={zone}
            onEdit={() => setEditing({ rule, form: formOf(rule, zone), lost: [] })}
            onDelete={() => setDeleting(rule)}
          />
        ))}
      </ul>
      {editing && (
        <RuleEditor
          rule={editing.rule}
          initial={editing.form}
          lost={editing.lost}
          onClose={() => setEditing(null)}
          onSaved={({ name }) => toast(`${name} saved`)}
          onWebhook={setMade}
        />
      )}
      {made && !editing && <SecretDialog webhook={made} onClose={() => setMade(null)} />}
      {deleting && (
        <Confirm
          title={`Delete ${deleting.name}?`}
          deed="Delete"
          onClose={() => setDeleting(null)}
          onConfirm={async () => {
            await deleteRule(deleting.id);
            toast(`${deleting.name} deleted`);
          }}
        >
          <p>It raises no more alerts, and those that it raised are deleted.</p>
        </Confirm>
      )}
    </section>
  );
}

interface RowProps {
  rule: Rule;
  zone: string;
  onEdit(): void;
  onDelete(): void;
}

function Row({ rule, zone, onEdit, onDelete }: RowProps) {
  const [busy, setBusy] = useState(false);
  const turn = async (enabled: boolean) => {
    if (busy) return;
    setBusy(true);
    try {
      const { name, search, schedule, at_most_one_in_s, webhook_id } = rule;
      await saveRule(rule.id, { name, enabled, search, schedule, at_most_one_in_s, webhook_id });
    } catch (error) {
      toast(explain(error), "bad");
    }
    setBusy(false);
  };
  const urls = new Map(webhooks.value.map(({ id, url }) => [id, url]));
  const failure = failureText(rule);
  const why = rule.enabled && rule.webhook_id && refusals.value.get(rule.webhook_id);
  return (
    <li class={rule.enabled ? "rule" : "rule off"}>
      <div>
        <h3>
          {rule.name} {failure && <span class="badge bad">fails</span>}{" "}
          {why && <span class="badge warn">webhook not reached</span>}
        </h3>
        <p>{searchText(rule.search, names())}</p>
        <p class="soft">{ruleFacts(rule, zone, urls)}</p>
        {failure && <p class="error-text">{failure}</p>}
        {why && <p>{refusalText(urls.get(rule.webhook_id ?? "") ?? "", why)}</p>}
        {rule.limited_at && <p class="soft">It found too much on {day(rule.limited_at)}: make it narrower.</p>}
      </div>
      <div class="row">
        <label class="tick">
          <input
            type="checkbox"
            aria-label={`${rule.name} is on`}
            checked={rule.enabled !== busy}
            onChange={(event) => void turn(event.currentTarget.checked)}
          />
          On
        </label>
        <Button onClick={onEdit} aria-label={`Edit ${rule.name}`}>
          Edit
        </Button>
        <IconButton icon="trash" label={`Delete ${rule.name}`} onClick={onDelete} />
      </div>
    </li>
  );
}

function names(): Names {
  const named = (items: readonly { id: string; name: string }[] | null) =>
    new Map((items ?? []).map(({ id, name }) => [id, name]));
  return { scenes: named(scenes.value), streams: named(streams.value) };
}
