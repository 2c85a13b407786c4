// Filters of the drawn boxes: minimum confidence and labels.
import type { ReadonlySignal } from "@preact/signals";
import { ENDED } from "../../api/types.ts";
import { count } from "../../lib/format.ts";
import { Colours } from "../../ui/colours.tsx";
import { Swatch } from "../../ui/swatch.tsx";
import type { Player } from "../playback/player.ts";

/** A label that can be shown or hidden; `objects` is null while the job runs. */
export interface LabelRow {
  label: string;
  place: number | undefined;
  objects: number | null;
}

interface Props<Labels> {
  player: Player;
  labels: Labels;
  /** Said in place of them where an ended job has none. */
  nothing: string;
}

export function Filters({ player, labels, nothing }: Props<ReadonlySignal<LabelRow[]>>) {
  return (
    <section class="filters card" aria-labelledby="filters-title">
      <h2 id="filters-title">Filter</h2>
      <Score player={player} />
      {player.tracked.value && <Colours />}
      <Labels player={player} labels={labels.value} nothing={nothing} />
    </section>
  );
}

function Score({ player }: { player: Player }) {
  const score = player.minScore.value;
  return (
    <div class="least">
      <label for="min-score">Minimum confidence</label>
      <output for="min-score">{score.toFixed(2)}</output>
      <input
        id="min-score"
        type="range"
        min={player.leastScore}
        max="1"
        step="0.01"
        value={score}
        aria-describedby="min-score-note"
        onInput={(event) => {
          player.minScore.value = Number(event.currentTarget.value);
        }}
      />
      <p id="min-score-note" class="soft">
        The job kept detections with a confidence of {player.leastScore.toFixed(2)} or more.
      </p>
    </div>
  );
}

function Labels({ player, labels, nothing }: Props<LabelRow[]>) {
  const hidden = player.hidden.value;
  if (!labels.length) {
    const ended = ENDED.has(player.job.value.state);
    return <p class="soft">{ended ? nothing : "No detections so far. Labels appear here as they are detected."}</p>;
  }
  const all = new Set(labels.map((row) => row.label));
  const set = (names: ReadonlySet<string>) => {
    player.hidden.value = names;
  };
  return (
    <fieldset class="label-list">
      <legend>Labels</legend>
      {labels.length > 1 && (
        <div class="all-none">
          <button type="button" class="text-button" disabled={hidden.size === 0} onClick={() => set(new Set())}>
            Show all
          </button>
          <button type="button" class="text-button" disabled={hidden.size >= all.size} onClick={() => set(all)}>
            Hide all
          </button>
        </div>
      )}
      <ul>
        {labels.map((row) => (
          <li key={row.label}>
            <label class="label-row">
              <input
                type="checkbox"
                checked={!hidden.has(row.label)}
                onChange={(event) => player.setHidden(row.label, !event.currentTarget.checked)}
              />
              <Swatch place={row.place} />
              <span class="name">{row.label}</span>
              {row.objects !== null && (
                <span class="number">
                  {count(row.objects)}
                  <span class="unseen"> detections in all frames</span>
                </span>
              )}
            </label>
            {labels.length > 1 && (
              <button
                type="button"
                class="text-button only"
                onClick={() => set(new Set([...all].filter((name) => name !== row.label)))}
              >
                only<span class="unseen"> {row.label}</span>
              </button>
            )}
          </li>
        ))}
      </ul>
    </fieldset>
  );
}
