// Which servers the service reaches, for whoever cannot be signed in without them.
import { tryFetch } from "./connection.ts";

/** The checks of GET /readyz by server, "ok" or why it failed; empty where it does not answer. */
export async function readiness(): Promise<Record<string, string>> {
  try {
    const answer = await tryFetch("/readyz", { cache: "no-store" });
    return ((await answer.json()) as { checks?: Record<string, string> }).checks ?? {};
  } catch {
    return {};
  }
}
