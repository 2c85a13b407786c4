import { problem } from "./errors.ts";
import { authorized } from "./session.ts";

export { ApiError, problem } from "./errors.ts";

export const API = "/api/v1";

export type Params = Record<string, string | number | boolean | readonly string[] | null | undefined>;

/** A path with query parameters; null and undefined are omitted, lists are repeated. */
export function url(path: string, params: Params = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value === null || value === undefined) continue;
    for (const item of Array.isArray(value) ? value : [value]) query.append(name, String(item));
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

/** An authorized request. Throws ApiError for error responses. */
export async function request(method: string, path: string, init: RequestInit = {}): Promise<Response> {
  const answer = await authorized(path, { ...init, method });
  if (answer.ok) return answer;
  throw await problem(answer);
}

async function send<T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<T> {
  const init: RequestInit =
    body === undefined
      ? { headers }
      : { body: JSON.stringify(body), headers: { "Content-Type": "application/json", ...headers } };
  const answer = await request(method, path, init);
  return (answer.status === 204 ? undefined : await answer.json()) as T;
}

export const api = {
  get: async <T>(path: string, params?: Params, signal?: AbortSignal): Promise<T> =>
    (await request("GET", url(path, params), signal ? { signal } : {})).json() as Promise<T>,
  post: <T>(path: string, body?: unknown, headers?: Record<string, string>): Promise<T> =>
    send<T>("POST", path, body, headers),
  patch: <T>(path: string, body: unknown): Promise<T> => send<T>("PATCH", path, body),
  put: <T>(path: string, body?: unknown): Promise<T> => send<T>("PUT", path, body),
  del: (path: string): Promise<void> => send<void>("DELETE", path),
};
