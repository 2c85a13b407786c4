// Alerts: the rules, and what they found.
import { useEffect, useState } from "preact/hooks";
import { AlertList } from "../alerts/alert-list.tsx";
import { lost, ofSearch } from "../alerts/rule-form.ts";
import { RuleList } from "../alerts/rule-list.tsx";
import { loadRules, rules } from "../alerts/rule-store.ts";
import { loadRefusals, loadWebhooks } from "../alerts/webhooks.ts";
import { rewriteQuery } from "../lib/router.ts";
import { loadScenes } from "../scenes/scene-store.ts";
import { readQuery } from "../search/query.ts";
import { loadStreams } from "../streams/stream-store.ts";
import { CurlLine } from "../ui/curl.tsx";
import "../alerts/alerts.css";

const TIME_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

export function AlertsPage() {
  const [begun] = useState(fromSearch);
  useEffect(() => {
    // The dialog is open; a reload does not open it again.
    rewriteQuery(new URLSearchParams());
    void loadRules().then(() => {
      const called = (rules.value ?? []).flatMap(({ enabled, webhook_id }) => (enabled && webhook_id) || []);
      loadRefusals(called).catch(() => undefined);
    });
    // Without these, ids are shown as deleted.
    loadScenes().catch(() => undefined);
    loadWebhooks().catch(() => undefined);
    void loadStreams();
  }, []);
  return (
    <>
      <h1 tabIndex={-1}>Alerts</h1>
      <div class="alerts-page">
        <RuleList begun={begun} zone={TIME_ZONE} />
        <AlertList />
      </div>
      <CurlLine path="/api/v1/alerts" />
    </>
  );
}

/** The rule that the search in the address becomes, where one is asked for. */
function fromSearch() {
  const address = new URLSearchParams(location.search);
  if (!address.has("new")) return null;
  const query = readQuery(address);
  return { form: ofSearch(query, TIME_ZONE), lost: lost(query) };
}
