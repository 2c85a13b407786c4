// Colours of labels that people with any kind of colour vision can tell apart (Okabe and Ito, "Color Universal
// Design", 2008). The annotated copies use the same: processor/renditions/drawing.py.
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

/** Of a label whose place is not known yet: the grey. */
const UNKNOWN = PALETTE.length - 1;

/** The colour of a label, by its place in the order in which the job's labels appear: so the first eight differ. */
export function colourOf(place: number = UNKNOWN): string {
  return PALETTE[place % PALETTE.length] as string;
}
