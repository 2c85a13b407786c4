// Choosing hits, and one file of them all.
import { useEffect, useMemo } from "preact/hooks";
import { api } from "../api/client.ts";
import { RenditionRequest } from "../api/rendition.ts";
import type { Rendition } from "../api/types.ts";
import { many } from "../lib/format.ts";
import { Button } from "../ui/button.tsx";
import { Progress } from "../ui/progress.tsx";
import { chosen } from "./chosen.ts";
import { MOST_PIECES, reelOf } from "./pieces.ts";

/** Below the form while hits are chosen. */
export function ReelBar() {
  const reel = useMemo(() => new RenditionRequest("/api/v1/reels"), []);
  useEffect(
    () => () => {
      reel.close();
      chosen.value = null;
    },
    [reel],
  );
  const hits = chosen.value;
  if (!hits) return null;
  const made = reel.state.value;
  const busy = made?.state === "queued" || made?.state === "running";
  const problem = made?.state === "failed" ? made.error?.detail : reel.problem.value;
  const make = () => void reel.make(() => api.post<Rendition>(reel.path, reelOf(hits.values())));
  return (
    <section class="card reel-bar" aria-label="Reel">
      <p role="status">
        {hits.size ? `${many(hits.size, "hit")} chosen, with a second around each.` : "Click the hits for the reel."}
      </p>
      <div class="row">
        <Button kind="primary" busy={busy} disabled={!hits.size || hits.size > MOST_PIECES} onClick={make}>
          Make a reel
        </Button>
        {made?.state === "ready" && (
          <a class="button" href={`${made.links.content}?download=1`} download>
            Download reel
          </a>
        )}
      </div>
      {hits.size > MOST_PIECES && <p class="error-text">A reel has at most {MOST_PIECES} hits.</p>}
      {busy && <Progress value={made.progress.fraction} label="Making the reel" />}
      {problem && (
        <p class="error-text" role="alert">
          The reel could not be made: {problem}
        </p>
      )}
    </section>
  );
}

/** Begins and ends the choosing. */
export function ChooseButton() {
  const on = chosen.value !== null;
  return (
    <Button
      icon="film"
      aria-pressed={on}
      onClick={() => {
        chosen.value = on ? null : new Map();
      }}
    >
      {on ? "End choosing" : "Choose for a reel"}
    </Button>
  );
}
