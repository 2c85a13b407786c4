/** An error response of the service; `detail` is for the user. Status 0: no response. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly detail: string;

  constructor(status: number, code: string, detail: string) {
    super(detail);
    this.status = status;
    this.code = code;
    this.detail = detail;
  }
}

/** Whether the same request may succeed later: no response, too many requests, or a fault of the service. */
export function passes({ status }: ApiError): boolean {
  return status === 0 || status === 429 || status >= 500;
}

export const UNREACHED = "The server does not respond. Check your connection; the page reconnects automatically.";

/** The error of a response, whatever its body. */
export async function problem(answer: Response): Promise<ApiError> {
  return problemOf(answer.status, await answer.text().catch(() => ""));
}

/** The same from status and body. */
export function problemOf(status: number, text: string): ApiError {
  let body: { code?: unknown; detail?: unknown } = {};
  try {
    body = Object(JSON.parse(text));
  } catch {
    // Not a problem document, for example from a proxy.
  }
  const told = typeof body.detail === "string" ? body.detail : "";
  const detail = told
    ? told.charAt(0).toUpperCase() + told.slice(1)
    : `The server responded with status ${status}. Try again in a moment.`;
  return new ApiError(status, typeof body.code === "string" ? body.code : "error", detail);
}

/** The message of any thrown value. */
export function explain(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
