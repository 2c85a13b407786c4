// Notice in place of the video while a playable copy is made.

import type { RenditionRequest } from "../../api/rendition.ts";
import { many } from "../../lib/format.ts";
import { Button } from "../../ui/button.tsx";
import { Progress } from "../../ui/progress.tsx";
import { whyNot } from "../playback/playable.ts";
import type { Player } from "../playback/player.ts";

export function CopyNotice({ player, copy }: { player: Player; copy: RenditionRequest }) {
  const made = copy.state.value;
  const problem = made?.state === "failed" ? made.error?.detail : copy.problem.value;
  const again = <Button onClick={() => void copy.ask()}>Try again</Button>;
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
            <p role="alert">A playable copy could not be created: {problem}</p>
            {again}
          </>
        ) : made?.state === "ready" ? (
          <p>The plot and all exports below are still available.</p>
        ) : (
          <>
            <p role="status">
              {made?.state === "running"
                ? `Creating a playable copy: ${many(made.progress.frames_done, "frame")} done`
                : "A playable copy is being created; it is queued."}
            </p>
            <Progress
              value={made?.state === "running" ? made.progress.fraction : null}
              label="Creating a playable copy"
            />
          </>
        )}
      </div>
    </div>
  );
}
