import { colourOf } from "../lib/palette.ts";

/** The colour of a label; place: its rank in order of appearance. */
export function Swatch({ place }: { place: number | undefined }) {
  return <span class="swatch" aria-hidden="true" style={{ background: colourOf(place) }} />;
}
