// The user's webhooks, which alert rules may call.
import { signal } from "@preact/signals";
import type { Delivery, Webhook } from "../api/alert-types.ts";
import { api } from "../api/client.ts";
import type { List } from "../api/types.ts";
import { lastRefusal } from "./rule-text.ts";

const PATH = "/api/v1/webhooks";

/** How many of the newest calls are looked at: nothing is known yet of those that were not tried. */
const CALLS = 5;

export const webhooks = signal<Webhook[]>([]);
/** Why webhooks could not be called last, by their ids. */
export const refusals = signal<ReadonlyMap<string, string>>(new Map());

/** Throws ApiError. */
export async function loadWebhooks(): Promise<void> {
  webhooks.value = (await api.get<List<Webhook>>(PATH)).items;
}

/** Find out which of some webhooks could not be called last. Throws ApiError. */
export async function loadRefusals(ids: Iterable<string>): Promise<void> {
  const asked = [...new Set(ids)].map(async (id) => {
    const { items } = await api.get<List<Delivery>>(`${PATH}/${id}/deliveries`, { limit: CALLS });
    const why = lastRefusal(items);
    return why ? [[id, why] as const] : [];
  });
  refusals.value = new Map((await Promise.all(asked)).flat());
}

/** One that only alert rules call; with its secret, which is told only now. Throws ApiError. */
export async function addWebhook(url: string): Promise<Webhook> {
  const made = await api.post<Webhook>(PATH, { url, jobs: false });
  webhooks.value = [made, ...webhooks.value];
  return made;
}
