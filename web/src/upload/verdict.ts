/** What to do about an answer that is no success, while a file is being sent. */
export type Verdict = "again" | "renew" | "give up";

const WORTH_ANOTHER_TRY = new Set([0, 404, 408, 409, 410, 423, 425, 429, 460]);

/** status: of the answer, 0 for none. 404 and 410: it has expired, and starts from nothing. */
export function verdict(status: number): Verdict {
  if (status === 401) return "renew";
  return status >= 500 || WORTH_ANOTHER_TRY.has(status) ? "again" : "give up";
}
