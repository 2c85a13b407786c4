import { useState } from "preact/hooks";
import { explain } from "../api/errors.ts";
import { signOut, signOutEverywhere, user } from "../api/session.ts";
import { day } from "../lib/time-format.ts";
import { Button } from "../ui/button.tsx";
import { CurlLine } from "../ui/curl.tsx";
import { Confirm } from "../ui/dialog.tsx";
import { toast } from "../ui/toast.tsx";
import { Tokens } from "./tokens.tsx";

/** The user, the API tokens, and signing out. */
export function AccountPage() {
  const [asking, setAsking] = useState(false);
  const [keeping, setKeeping] = useState(false);
  const who = user.value;
  const leave = () => signOut().catch((error) => toast(explain(error), "bad"));
  return (
    <div class="account">
      <h1 tabIndex={-1}>Account</h1>
      <section class="card">
        <h2>{who?.username}</h2>
        <p class="soft">{who && `Registered on ${day(who.created_at)}`}</p>
        <div class="row">
          <Button onClick={leave}>Sign out</Button>
          <Button onClick={() => setAsking(true)}>Sign out everywhere…</Button>
        </div>
      </section>
      <Tokens />
      <section class="card">
        <h2>API access</h2>
        <p>
          The API offers everything that this page does. The <a href="/docs">API reference</a> lists all calls, and lets
          you try them; <a href="/openapi.json">openapi.json</a> is the same in machine-readable form.
        </p>
        <CurlLine path="/api/v1/tokens" />
      </section>
      {asking && (
        <Confirm
          title="Sign out everywhere?"
          deed="Sign out"
          onClose={() => setAsking(false)}
          onConfirm={() => signOutEverywhere(keeping)}
        >
          <p>All browsers and programs signed in with your password are signed out, including this one.</p>
          <p>Your API tokens are deleted too: programs that use one lose access, unless you keep them.</p>
          <label class="tick">
            <input type="checkbox" checked={keeping} onChange={(event) => setKeeping(event.currentTarget.checked)} />
            Keep the API tokens
          </label>
        </Confirm>
      )}
    </div>
  );
}
