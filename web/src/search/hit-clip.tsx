// Over the picture of a hit: saves it as a clip, shows how far that is, and gives the file.
import { useState } from "preact/hooks";
import type { Hit } from "../api/track-types.ts";
import { Icon } from "../ui/icons.tsx";
import { hitClips, saveHit } from "./hit-clips.ts";
import { hitTime } from "./hit-text.ts";
import { keyOf } from "./pieces.ts";

export function HitClip({ hit }: { hit: Hit }) {
  const [asked, setAsked] = useState(false);
  const clip = hitClips.value.get(keyOf(hit));
  const made = clip?.state.value;
  const problem = made?.state === "failed" ? made.error?.detail : clip?.problem.value;
  const which = `${hit.label}, ${hitTime(hit)}`;
  if (made?.state === "ready")
    return (
      <a
        class="hit-clip"
        href={`${made.links.content}?download=1`}
        download
        aria-label={`Download clip of ${which}`}
        // The button that was pressed has become this link.
        ref={(link) => void (link && asked && document.activeElement === document.body && link.focus())}
      >
        <Icon name="download" /> Download
      </a>
    );
  const busy = made?.state === "queued" || made?.state === "running";
  const words = busy ? `${Math.round(made.progress.fraction * 100)} %` : problem ? "Try again" : "Clip";
  return (
    <>
      <button
        type="button"
        class="hit-clip"
        aria-busy={busy}
        aria-disabled={busy}
        aria-label={busy ? `Making the clip of ${which}` : `Save clip of ${which}`}
        title={problem ? `The clip could not be made: ${problem}` : "Save clip, with a second before and after"}
        onClick={() => {
          setAsked(true);
          if (!busy) saveHit(hit);
        }}
      >
        <Icon name="film" /> {words}
      </button>
      {problem && (
        <p class="hit-problem" role="alert">
          {problem}
        </p>
      )}
    </>
  );
}
