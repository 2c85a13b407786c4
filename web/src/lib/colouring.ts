// What colours and names of boxes tell, the same in the player and on live pictures.
import { signal } from "@preact/signals";
import { recall, remember } from "./local-storage.ts";
import type { Colouring } from "./palette.ts";

/** As the user wants it; boxes without tracks have the colours of labels all the same. */
export const wantedColouring = signal<Colouring>(recall<Colouring>("colouring") ?? "track");

export function setColouring(colouring: Colouring): void {
  wantedColouring.value = colouring;
  remember("colouring", colouring);
}
