// Label colours, distinguishable with any colour vision (Okabe and Ito, "Color Universal Design", 2008). Annotated
// copies use the same: processor/renditions/drawing.py.
export const PALETTE = [
  "#E69F00",
  "#56B4E9",
  "#009E73",
  "#F0E442",
  "#0072B2",
  "#D55E00",
  "#CC79A7",
  "#999999",
] as const;

/** What the colour and the name of a box tell. */
export type Colouring = "label" | "track";

/** For labels whose place is unknown. */
const UNKNOWN = PALETTE.length - 1;

/** The colour of a label by its place in order of appearance; the first eight differ. */
export function colourOf(place: number = UNKNOWN): string {
  return PALETTE[place % PALETTE.length] as string;
}

/** The colour of a track, the same wherever it is shown; tracks that begin one after the other differ. Tracks count
 * from 1; undefined: not in a track. */
export function colourOfTrack(id: number | undefined): string {
  return colourOf(id === undefined ? undefined : id - 1);
}

/** What colours boxes: as wanted, but labels where none is in a track. */
export function colouringFor(detections: readonly { track?: number }[], wanted: Colouring): Colouring {
  return detections.some(({ track }) => track !== undefined) ? wanted : "label";
}
