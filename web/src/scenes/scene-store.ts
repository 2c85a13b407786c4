// The user's scenes.
import { signal } from "@preact/signals";
import { api } from "../api/client.ts";
import type { Scene } from "../api/track-types.ts";
import type { SceneBody } from "./scene-body.ts";

/** By name; null: not loaded yet. */
export const scenes = signal<Scene[] | null>(null);

interface ScenePage {
  items: Scene[];
  next_cursor: string | null;
}

/** Load all scenes. Throws ApiError. */
export async function loadScenes(): Promise<void> {
  const found: Scene[] = [];
  for (let cursor: string | null = null, more = true; more; ) {
    const page: ScenePage = await api.get<ScenePage>("/api/v1/scenes", { cursor });
    found.push(...page.items);
    cursor = page.next_cursor;
    more = cursor !== null;
  }
  scenes.value = found.sort(byName);
}

/** Create a scene, or replace one. Throws ApiError. */
export async function saveScene(id: string | null, body: SceneBody): Promise<Scene> {
  const saved = id ? await api.put<Scene>(`/api/v1/scenes/${id}`, body) : await api.post<Scene>("/api/v1/scenes", body);
  scenes.value = [...(scenes.value ?? []).filter((one) => one.id !== saved.id), saved].sort(byName);
  return saved;
}

/** Throws ApiError. */
export async function deleteScene(id: string): Promise<void> {
  await api.del(`/api/v1/scenes/${id}`);
  scenes.value = (scenes.value ?? []).filter((one) => one.id !== id);
}

function byName(one: Scene, other: Scene): number {
  return one.name.localeCompare(other.name);
}
