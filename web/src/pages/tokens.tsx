import { useEffect, useState } from "preact/hooks";
import { api } from "../api/client.ts";
import { explain } from "../api/errors.ts";
import type { ApiToken, List, TokenScope } from "../api/types.ts";
import { Button, IconButton } from "../ui/button.tsx";
import { CopyButton } from "../ui/copy-button.tsx";
import { Confirm, Dialog } from "../ui/dialog.tsx";
import { Failure, Waiting } from "../ui/empty.tsx";
import { Field } from "../ui/field.tsx";
import { toast } from "../ui/toast.tsx";
import { history, SCOPES } from "./token-text.ts";

const PATH = "/api/v1/tokens";
const LASTS = [
  ["30", "30 days"],
  ["90", "90 days"],
  ["365", "1 year"],
  ["", "No expiration"],
] as const;

/** The API tokens of the user. */
export function Tokens() {
  const [tokens, setTokens] = useState<ApiToken[] | null>(null);
  const [error, setError] = useState("");
  const [making, setMaking] = useState(false);
  const [deleting, setDeleting] = useState<ApiToken | null>(null);
  const load = () => {
    setError("");
    api.get<List<ApiToken>>(PATH).then(
      ({ items }) => setTokens(items),
      (caught) => setError(explain(caught)),
    );
  };
  useEffect(load, []);
  const remove = async ({ id, name }: ApiToken) => {
    await api.del(`${PATH}/${id}`);
    setTokens((all) => all?.filter((one) => one.id !== id) ?? null);
    toast(`${name} deleted`);
  };
  return (
    <section class="card">
      <div class="row between">
        <h2>API tokens</h2>
        <Button icon="plus" onClick={() => setMaking(true)}>
          Create token
        </Button>
      </div>
      {error && <Failure title="The tokens could not be loaded" detail={error} onRetry={load} />}
      {!error && !tokens && <Waiting rows={2} label="Loading the tokens" />}
      {tokens?.length === 0 && (
        <p class="soft">None yet. A program uses a token to access the API on your behalf, without your password.</p>
      )}
      {tokens && tokens.length > 0 && (
        <ul class="tokens">
          {tokens.map((token) => (
            <li key={token.id}>
              <div>
                <h3>{token.name}</h3>
                <p class="soft">{history(token)}</p>
              </div>
              <IconButton icon="trash" label={`Delete ${token.name}`} onClick={() => setDeleting(token)} />
            </li>
          ))}
        </ul>
      )}
      {making && <Make onClose={() => setMaking(false)} onMade={load} />}
      {deleting && (
        <Confirm
          title={`Delete ${deleting.name}?`}
          deed="Delete"
          onClose={() => setDeleting(null)}
          onConfirm={() => remove(deleting)}
        >
          <p>Programs that use this token lose access immediately.</p>
        </Confirm>
      )}
    </section>
  );
}

function Make({ onClose, onMade }: { onClose(): void; onMade(): void }) {
  const [name, setName] = useState("");
  const [lasts, setLasts] = useState("90");
  const [scopes, setScopes] = useState<TokenScope[]>(SCOPES.map(([scope]) => scope));
  const [made, setMade] = useState<ApiToken | null>(null);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState("");
  const make = async (event: Event) => {
    event.preventDefault();
    if (!name.trim()) return setError("Enter a name for the token.");
    if (scopes.length === 0) return setError("Select at least one permission.");
    setBusy(true);
    setError("");
    try {
      const narrowed = scopes.length < SCOPES.length ? scopes : null;
      const expires_in_days = lasts ? Number(lasts) : null;
      setMade(await api.post<ApiToken>(PATH, { name: name.trim(), expires_in_days, scopes: narrowed }));
      onMade();
    } catch (caught) {
      setError(explain(caught));
    }
    setBusy(false);
  };
  if (made)
    return (
      <Dialog title={`Token ${made.name} created`} onClose={onClose} actions={<Button onClick={onClose}>Done</Button>}>
        <p>Copy it now: it is shown only once.</p>
        <div class="code-line">
          <pre>
            <code>{made.token}</code>
          </pre>
          <CopyButton text={made.token ?? ""} what="the token" />
        </div>
      </Dialog>
    );
  return (
    <Dialog title="Create token" onClose={onClose}>
      <form onSubmit={make} noValidate>
        <Field label="Name" hint="What it is used for, such as backup script" error={error || undefined}>
          {(ties) => (
            <input {...ties} maxLength={64} value={name} onInput={(event) => setName(event.currentTarget.value)} />
          )}
        </Field>
        <Field label="Expires">
          {(ties) => (
            <select {...ties} value={lasts} onChange={(event) => setLasts(event.currentTarget.value)}>
              {LASTS.map(([days, words]) => (
                <option key={days} value={days}>
                  {words}
                </option>
              ))}
            </select>
          )}
        </Field>
        <fieldset class="field">
          <legend>Permissions</legend>
          {SCOPES.map(([scope, words]) => (
            <label class="tick" key={scope}>
              <input
                type="checkbox"
                checked={scopes.includes(scope)}
                onChange={(event) => {
                  const rest = scopes.filter((other) => other !== scope);
                  setScopes(event.currentTarget.checked ? [...rest, scope] : rest);
                }}
              />
              {words}
            </label>
          ))}
        </fieldset>
        <div class="row end">
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" type="submit" busy={busy}>
            Create
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
