// The hits that are chosen for a reel. Null: no choosing at the moment.
import { signal } from "@preact/signals";
import type { Hit } from "../api/track-types.ts";
import { toggled } from "./pieces.ts";

export const chosen = signal<ReadonlyMap<string, Hit> | null>(null);

export function choose(hit: Hit): void {
  chosen.value = toggled(chosen.peek() ?? new Map(), hit);
}
