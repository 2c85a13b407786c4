// The alerts that are listed, and how many were not seen.
import { effect, signal } from "@preact/signals";
import type { Alert, AlertPage } from "../api/alert-types.ts";
import { api } from "../api/client.ts";
import { explain } from "../api/errors.ts";
import { listen } from "../api/event-stream.ts";
import { user } from "../api/session.ts";
import { Retries } from "../lib/retries.ts";

const PATH = "/api/v1/alerts";
const PAGE = 24;
const GATHER_MS = 300;
/** When alerts are looked at again that the job of their recording was not given yet: that comes after its end. */
const LINKED_MS = [2_000, 4_000, 8_000, 16_000, 32_000];
/** More than so many are not counted. */
export const MOST_COUNTED = 100;

/** Newest first; null: not known yet. */
export const alerts = signal<Alert[] | null>(null);
export const alertsProblem = signal("");
/** Those of one rule only; empty for all. */
export const ruleShown = signal("");
export const nextAlerts = signal<string | null>(null);
/** How many were not seen, MOST_COUNTED at most. */
export const unseen = signal(0);

let asked = 0;

/** Load the newest ones, of the chosen rule. What is shown further down stays. */
export async function loadAlerts(): Promise<void> {
  asked += 1;
  const own = asked;
  try {
    const page = await api.get<AlertPage>(PATH, { rule_id: ruleShown.value || null, limit: PAGE });
    if (own !== asked) return;
    const fresh = new Set(page.alerts.map(({ id }) => id));
    const before = alerts.value ?? [];
    const met = before.some(({ id }) => fresh.has(id));
    const last = page.alerts.at(-1);
    const older = met && last ? before.slice(before.findIndex(({ id }) => id === last.id) + 1) : [];
    alerts.value = [...page.alerts, ...older];
    if (!older.length) nextAlerts.value = page.next_cursor;
    alertsProblem.value = "";
    await countUnseen();
  } catch (error) {
    if (own === asked) alertsProblem.value = explain(error);
  }
}

/** Show those of another rule. */
export function showRule(rule: string): void {
  ruleShown.value = rule;
  alerts.value = null;
  nextAlerts.value = null;
  void loadAlerts();
}

/** Load the next page too. Throws ApiError. */
export async function moreAlerts(): Promise<void> {
  const own = asked;
  const query = { rule_id: ruleShown.value || null, limit: PAGE, cursor: nextAlerts.value };
  const page = await api.get<AlertPage>(PATH, query);
  if (own !== asked) return;
  alerts.value = [...(alerts.value ?? []), ...page.alerts];
  nextAlerts.value = page.next_cursor;
}

/** Mark alerts as seen. Throws ApiError. */
export async function markSeen(ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    await api.patch<Alert>(`${PATH}/${id}`, { seen: true });
    alerts.value = alerts.value?.map((one) => (one.id === id ? { ...one, seen: true } : one)) ?? null;
  }
  await countUnseen();
}

export async function countUnseen(): Promise<void> {
  const page = await api.get<AlertPage>(PATH, { seen: false, limit: MOST_COUNTED });
  unseen.value = page.alerts.length;
}

/** Keep the count, and the list where it is shown, up to date while a user is signed in. Call once. */
export function startCounting(): void {
  // What cannot be counted now is counted next time.
  const count = async () => void (user.peek() && !document.hidden && (await countUnseen().catch(() => undefined)));
  const renew = () => (alerts.peek() ? loadAlerts() : count());
  let soon: ReturnType<typeof setTimeout> | undefined;
  effect(() => {
    if (user.value) void count();
  });
  const linking = new Retries(LINKED_MS);
  const unlinked = () => alerts.peek()?.some(({ stream_id, job_id }) => stream_id && !job_id) ?? false;
  // Many may be raised at once.
  const gather = () => {
    clearTimeout(soon);
    soon = setTimeout(() => void renew(), GATHER_MS);
  };
  listen({
    alert: gather,
    // With the job of a recording, alerts of its stream lead to their place in it.
    job: ({ finished_at }) => {
      if (!finished_at || !unlinked()) return;
      gather();
      linking.start(unlinked, loadAlerts);
    },
    poll: renew,
  });
  // Another page may have marked some as seen.
  document.addEventListener("visibilitychange", () => void count());
}
