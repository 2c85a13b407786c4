// The webhook that a rule calls: one of the user's, or a new address.
import type { Webhook } from "../api/alert-types.ts";
import { Button } from "../ui/button.tsx";
import { CopyButton } from "../ui/copy-button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Choice, Text } from "../ui/fields.tsx";
import { NEW_WEBHOOK, type RuleForm } from "./rule-form.ts";
import { webhooks } from "./webhooks.ts";

interface Props {
  form: RuleForm;
  onChange(part: Partial<RuleForm>): void;
}

export function WebhookFields({ form, onChange }: Props) {
  const known = webhooks.value.map(({ id, url }) => [id, url] as const);
  const gone = form.webhook && form.webhook !== NEW_WEBHOOK && !known.some(([id]) => id === form.webhook);
  return (
    <>
      <Choice
        label="Webhook"
        choices={[
          ["", "none"],
          ...(gone ? [[form.webhook, "the present one"] as const] : []),
          ...known,
          [NEW_WEBHOOK, "another address…"],
        ]}
        value={form.webhook}
        hint="Called with each alert."
        onChange={(webhook) => onChange({ webhook })}
      />
      {form.webhook === NEW_WEBHOOK && (
        <Text label="Address of the webhook" value={form.url} onChange={(url) => onChange({ url })} />
      )}
    </>
  );
}

/** The secret of a new webhook. */
export function SecretDialog({ webhook, onClose }: { webhook: Webhook; onClose(): void }) {
  return (
    <Dialog title="Webhook added" onClose={onClose} actions={<Button onClick={onClose}>Done</Button>}>
      <p>Calls of {webhook.url} are signed with this secret. Copy it now: it is shown only once.</p>
      <div class="code-line">
        <pre>
          <code>{webhook.secret}</code>
        </pre>
        <CopyButton text={webhook.secret ?? ""} what="the secret" />
      </div>
    </Dialog>
  );
}
