import { ago, day } from "../lib/format.ts";
import type { ApiToken } from "../lib/types.ts";

/** "Made 3 Mar 2026 · used 2 h ago · until 1 Jun 2026". */
export function history({ created_at, last_used_at, expires_at }: ApiToken, now = Date.now()): string {
  const over = expires_at !== null && Date.parse(expires_at) < now;
  const until = expires_at ? `${over ? "ended" : "until"} ${day(expires_at)}` : "without an end";
  return `Made ${day(created_at)} · ${last_used_at ? `used ${ago(last_used_at, now)}` : "never used"} · ${until}`;
}
