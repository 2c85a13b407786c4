import { signal } from "@preact/signals";
import { api } from "./client.ts";
import type { List, Model } from "./types.ts";

/** The models that a job may name; empty until they are known. */
export const models = signal<Model[]>([]);

/** Ask for them again; one may have been added meanwhile. Throws ApiError. */
export async function loadModels(): Promise<void> {
  models.value = (await api.get<List<Model>>("/api/v1/models")).items;
}

/** The one by its id, or the default. */
export function modelOf(id: string | null | undefined): Model | undefined {
  return models.value.find((model) => model.id === id) ?? models.value.find((model) => model.default);
}
