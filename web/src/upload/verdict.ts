/** How to react to an error response during an upload. */
export type Verdict = "again" | "renew" | "give up";

const WORTH_ANOTHER_TRY = new Set([0, 404, 408, 409, 410, 423, 425, 429, 460]);

/** status: of the response, 0 without one. 404 and 410: the upload has expired and starts over. */
export function verdict(status: number): Verdict {
  if (status === 401) return "renew";
  return status >= 500 || WORTH_ANOTHER_TRY.has(status) ? "again" : "give up";
}
