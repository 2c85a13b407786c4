import type { ApiToken, TokenScope } from "../api/types.ts";
import { ago, day } from "../lib/time-format.ts";

/** Scopes of a token, in display order. */
export const SCOPES: readonly (readonly [TokenScope, string])[] = [
  ["read", "View videos and results"],
  ["write", "Upload videos, start and cancel jobs"],
  ["delete", "Delete videos and jobs"],
  ["streams:read", "Watch live streams"],
  ["streams:write", "Add, change and delete live streams"],
];

/** "Created 3 Mar 2026 · used 2 h ago · expires 1 Jun 2026". */
export function history({ created_at, last_used_at, expires_at, scopes }: ApiToken, now = Date.now()): string {
  const over = expires_at !== null && Date.parse(expires_at) < now;
  const until = expires_at ? `${over ? "expired" : "expires"} ${day(expires_at)}` : "no expiration";
  const used = last_used_at ? `used ${ago(last_used_at, now)}` : "never used";
  const may = scopes ? ` · scopes: ${scopes.join(", ")}` : "";
  return `Created ${day(created_at)} · ${used} · ${until}${may}`;
}
