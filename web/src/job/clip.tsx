// A clip of the video: from here to there, as a file of its own.
import { useSignalEffect } from "@preact/signals";
import { useEffect, useMemo, useState } from "preact/hooks";
import { api } from "../api/client.ts";
import { RenditionRequest } from "../api/rendition.ts";
import type { Rendition } from "../api/types.ts";
import { bytes } from "../lib/format.ts";
import { clock } from "../lib/time-format.ts";
import type { Player } from "../player/playback/player.ts";
import { Button } from "../ui/button.tsx";
import { Field } from "../ui/field.tsx";
import { Progress } from "../ui/progress.tsx";
import { around, partOf } from "./clip-part.ts";

export function Clip({ player }: { player: Player }) {
  const [times, setTimes] = useState({ from: "", to: "" });
  const [exact, setExact] = useState(false);
  const [wrong, setWrong] = useState("");
  const clip = useMemo(() => new RenditionRequest(`/api/v1/videos/${player.video.id}/clips`), [player]);
  useEffect(() => () => clip.close(), [clip]);
  const change = (part: Partial<typeof times>) => {
    setTimes((now) => ({ ...now, ...part }));
    setWrong("");
  };
  useSignalEffect(() => {
    const track = player.chosen.value;
    if (!track) return;
    const { from, to } = around(track, player.end.peek());
    change({ from: clock(from, 1), to: clock(to, 1) });
  });
  const made = clip.state.value;
  const busy = made?.state === "queued" || made?.state === "running";
  const problem = made?.state === "failed" ? made.error?.detail : clip.problem.value;
  const save = () => {
    const part = partOf(times.from, times.to, player.start.peek(), player.end.peek());
    if (typeof part === "string") return setWrong(part);
    void clip.make(() => api.post<Rendition>(clip.path, { ...part, exact }));
  };
  return (
    <div class="annotated clip">
      <h3>Clip</h3>
      <div class="pair">
        <Time
          label="From"
          value={times.from}
          unset={player.start.value}
          onChange={(from) => change({ from })}
          player={player}
        />
        <Time label="To" value={times.to} unset={player.end.value} onChange={(to) => change({ to })} player={player} />
      </div>
      <label class="tick">
        <input type="checkbox" checked={exact} onChange={(event) => setExact(event.currentTarget.checked)} />
        Exact to the frame, encoded anew
      </label>
      {made?.state === "ready" && (
        <p>
          <a class="button primary" href={`${made.links.content}?download=1`} download>
            Download clip
          </a>{" "}
          <span class="soft">{made.size_bytes === null ? "" : bytes(made.size_bytes)}</span>
        </p>
      )}
      {busy && <Progress value={made.progress.fraction} label="Making the clip" />}
      {(wrong || problem) && (
        <p class="error-text" role="alert">
          {wrong || `The clip could not be made: ${problem}`}
        </p>
      )}
      <Button busy={busy} onClick={save}>
        Save clip
      </Button>
    </div>
  );
}

interface TimeProps {
  label: string;
  value: string;
  /** The time in ms that an empty field means. */
  unset: number;
  onChange(value: string): void;
  player: Player;
}

function Time({ label, value, unset, onChange, player }: TimeProps) {
  return (
    <div>
      <Field label={label}>
        {(ties) => (
          <input
            {...ties}
            placeholder={clock(unset, 1)}
            value={value}
            onInput={(event) => onChange(event.currentTarget.value)}
          />
        )}
      </Field>
      <Button kind="quiet" onClick={() => onChange(clock(player.time.peek(), 1))}>
        {label} here
      </Button>
    </div>
  );
}
