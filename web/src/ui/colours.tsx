import { setColouring, wantedColouring } from "../lib/colouring.ts";
import type { Colouring } from "../lib/palette.ts";

const COLOURINGS: readonly [Colouring, string][] = [
  ["track", "Track"],
  ["label", "Label"],
];

/** The choice of what colours boxes. */
export function Colours() {
  return (
    <fieldset class="colours">
      <legend>Colour boxes by</legend>
      <div class="segments">
        {COLOURINGS.map(([colouring, words]) => (
          <label key={colouring}>
            <input
              type="radio"
              name="colouring"
              checked={wantedColouring.value === colouring}
              onChange={() => setColouring(colouring)}
            />
            <span>{words}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
