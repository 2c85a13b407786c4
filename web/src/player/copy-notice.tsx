// In the picture's place while a copy that the browser can play is made.

import { counted } from "../job/format.ts";
import { ProgressBar } from "../job/progress.tsx";
import type { Copy } from "../job/rendition.ts";
import type { Player } from "./player.ts";
import { whyNot } from "./support.ts";

export function CopyNotice({ player, copy }: { player: Player; copy: Copy }) {
  const made = copy.state.value;
  const problem = made?.state === "failed" ? made.error?.detail : copy.problem.value;
  const again = (
    <button type="button" class="plain-button" onClick={() => void copy.ask()}>
      Try again
    </button>
  );
  const { width, height } = player.video.media ?? { width: 16, height: 9 };
  return (
    <div class="stage notice" style={{ "--shape": `${width / height}` }}>
      <div class="notice-text">
        <p>
          {made?.state === "ready"
            ? "Your browser cannot play the copy of this video either."
            : whyNot(player.video.media)}
        </p>
        {problem ? (
          <>
            <p role="alert">A copy that it can play could not be made: {problem}</p>
            {again}
          </>
        ) : made?.state === "ready" ? (
          <p>The boxes and the plot are there all the same, and all downloads below.</p>
        ) : (
          <>
            <p role="status">
              {made?.state === "running"
                ? `Making a copy that it can play: ${counted(made.progress.frames_done, "frame")} done`
                : "A copy that it can play will be made now; it is waiting for its turn."}
            </p>
            <ProgressBar fraction={made?.progress.fraction ?? 0} label="Making a copy to play" />
          </>
        )}
      </div>
    </div>
  );
}
