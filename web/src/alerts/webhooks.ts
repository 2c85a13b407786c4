// The user's webhooks, which alert rules may call.
import { signal } from "@preact/signals";
import type { Webhook } from "../api/alert-types.ts";
import { api } from "../api/client.ts";
import type { List } from "../api/types.ts";

const PATH = "/api/v1/webhooks";

export const webhooks = signal<Webhook[]>([]);

/** Throws ApiError. */
export async function loadWebhooks(): Promise<void> {
  webhooks.value = (await api.get<List<Webhook>>(PATH)).items;
}

/** One that only alert rules call; with its secret, which is told only now. Throws ApiError. */
export async function addWebhook(url: string): Promise<Webhook> {
  const made = await api.post<Webhook>(PATH, { url, jobs: false });
  webhooks.value = [made, ...webhooks.value];
  return made;
}
