import { signal } from "@preact/signals";
import { api } from "./client.ts";
import type { List, Model } from "./types.ts";

/** The available models; empty until loaded. */
export const models = signal<Model[]>([]);

/** Load them again, since models may have been added. Throws ApiError. */
export async function loadModels(): Promise<void> {
  models.value = (await api.get<List<Model>>("/api/v1/models")).items;
}

/** The model with an id, or the default model. */
export function modelOf(id: string | null | undefined): Model | undefined {
  return models.value.find((model) => model.id === id) ?? models.value.find((model) => model.default);
}
