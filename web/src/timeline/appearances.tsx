// Navigation to the next or previous appearance of a label.
import { type Signal, signal } from "@preact/signals";
import { api } from "../api/client.ts";
import { explain } from "../api/errors.ts";
import type { Appearance, List } from "../api/types.ts";
import { clock } from "../lib/time-format.ts";
import { PlayerButton } from "../player/controls/player-button.tsx";
import type { Player } from "../player/playback/player.ts";

export type Direction = "next" | "previous";

export class Appearances {
  readonly label: Signal<string | null> = signal(null);
  /** Outcome of the last search, as text. */
  readonly said = signal("");
  readonly busy = signal(false);
  readonly #player: Player;

  constructor(player: Player) {
    this.#player = player;
  }

  /** Seek to the next or previous appearance of the chosen label. */
  async go(direction: Direction): Promise<void> {
    const label = this.label.peek();
    if (!label || this.busy.peek()) return;
    this.busy.value = true;
    try {
      const found = await this.#look(label, direction);
      if (found) {
        this.#player.pause();
        this.#player.seek(found.from_ms + this.#player.rhythm.frameMs / 2);
      }
      const none = direction === "next" ? "does not appear after this" : "does not appear before this";
      this.said.value = found
        ? `${label} from ${clock(found.from_ms, 1)} to ${clock(found.to_ms, 1)}, at most ${found.max_in_frame} per frame`
        : `${label} ${none}`;
    } catch (error) {
      this.said.value = explain(error);
    } finally {
      this.busy.value = false;
    }
  }

  async #look(label: string, direction: Direction): Promise<Appearance | undefined> {
    const player = this.#player;
    const { frameMs, gapMs } = player.rhythm;
    const now = player.time.peek();
    const query = {
      label,
      direction,
      from_ms: now,
      min_score: player.minScore.peek() > player.leastScore ? player.minScore.peek() : null,
      gap_ms: Math.max(1000, 2 * (gapMs ?? 0)),
      limit: 2,
    };
    const path = `/api/v1/jobs/${player.job.peek().id}/appearances`;
    const { items } = await api.get<List<Appearance>>(path, query);
    // Skip the appearance that is on the screen.
    const edge = Math.max(2 * frameMs, 50);
    return items.find((item) => (direction === "next" ? item.from_ms > now : item.from_ms < now - edge));
  }
}

interface Props {
  appearances: Appearances;
  labels: string[];
}

export function AppearanceBar({ appearances, labels }: Props) {
  const chosen = appearances.label.value;
  return (
    <div class="appearances">
      <div class="find">
        <label for="appearance-label">Find</label>
        <select
          id="appearance-label"
          value={chosen ?? ""}
          disabled={!labels.length}
          onChange={(event) => {
            appearances.label.value = event.currentTarget.value;
            appearances.said.value = "";
          }}
        >
          {!labels.length && <option value="">no labels</option>}
          {labels.map((label) => (
            <option key={label} value={label}>
              {label}
            </option>
          ))}
        </select>
        <PlayerButton
          icon="before"
          label="Previous appearance"
          hint="["
          disabled={!chosen}
          onClick={() => void appearances.go("previous")}
        />
        <PlayerButton
          icon="after"
          label="Next appearance"
          hint="]"
          disabled={!chosen}
          onClick={() => void appearances.go("next")}
        />
      </div>
      <p class="said" role="status">
        {appearances.said}
      </p>
    </div>
  );
}
