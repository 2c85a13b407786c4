// Colours of labels that people with any kind of colour vision can tell apart (Okabe and Ito, "Color Universal
// Design", 2008). The annotated copies use the same: processor/palette.py.
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

/** The colour of a class, by its number among the labels of the model. */
export function colourOf(classId: number): string {
  return PALETTE[classId % PALETTE.length] as string;
}
