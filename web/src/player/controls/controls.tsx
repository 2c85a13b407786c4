// The control bar under the video.
import { useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import { clock } from "../../lib/time-format.ts";
import type { Player } from "../playback/player.ts";
import { SPEEDS } from "./keys.ts";
import { PlayerButton } from "./player-button.tsx";
import { SeekBar } from "./seek-bar.tsx";

interface Props {
  player: Player;
  full: boolean;
  onFull: () => void;
  onHelp: () => void;
}

export function Controls({ player, full, onFull, onHelp }: Props) {
  const playing = player.playing.value;
  return (
    <div class="controls">
      <SeekBar player={player} />
      <div class="buttons">
        <PlayerButton
          icon={playing ? "pause" : "play"}
          label={playing ? "Pause" : "Play"}
          hint="Space"
          onClick={() => player.toggle()}
        />
        <PlayerButton icon="previous" label="Previous frame" hint="," onClick={() => player.step(-1)} />
        <PlayerButton icon="next" label="Next frame" hint="." onClick={() => player.step(1)} />
        <Place player={player} />
        <span class="space" />
        {player.sound.value && <Volume player={player} />}
        <label class="speed">
          <span class="unseen">Speed</span>
          <select
            value={String(player.rate.value)}
            onChange={(event) => player.setRate(Number(event.currentTarget.value))}
            title="Speed (< and >)"
          >
            {SPEEDS.map((speed) => (
              <option key={speed} value={String(speed)}>
                {speed}×
              </option>
            ))}
          </select>
        </label>
        <PlayerButton
          icon="tag"
          label="Box labels"
          hint="N"
          pressed={player.names.value}
          onClick={() => {
            player.names.value = !player.names.value;
          }}
        />
        <PlayerButton icon="keys" label="Keyboard shortcuts" hint="?" onClick={onHelp} />
        <PlayerButton
          icon={full ? "small" : "full"}
          label={full ? "Exit full screen" : "Full screen"}
          hint="F"
          onClick={onFull}
        />
      </div>
    </div>
  );
}

/** Time and frame number; updated without Preact, since they change with every frame. */
function Place({ player }: { player: Player }) {
  const time = useRef<HTMLSpanElement>(null);
  const frame = useRef<HTMLSpanElement>(null);
  useSignalEffect(() => {
    player.revision.value;
    player.pictured.value;
    const ms = player.time.value;
    const shown = player.shown();
    if (time.current) time.current.textContent = clock(ms, 3);
    const filled = shown?.frame.filled ? ", filled in" : "";
    if (frame.current) frame.current.textContent = shown && !shown.held ? `frame ${shown.frame.frame}${filled}` : "";
  });
  return (
    <div class="place">
      <span ref={time}>0:00.000</span>
      <span class="of"> / {clock(player.end.value)}</span>
      <span class="frame" ref={frame} />
    </div>
  );
}

function Volume({ player }: { player: Player }) {
  const muted = player.muted.value || player.volume.value === 0;
  return (
    <span class="volume">
      <PlayerButton
        icon={muted ? "silent" : "loud"}
        label={muted ? "Unmute" : "Mute"}
        hint="M"
        onClick={() => player.setVolume(player.volume.value || 1, !muted)}
      />
      <input
        type="range"
        min="0"
        max="1"
        step="0.05"
        aria-label="Volume"
        value={player.muted.value ? 0 : player.volume.value}
        onInput={(event) => player.setVolume(Number(event.currentTarget.value), false)}
      />
    </span>
  );
}
