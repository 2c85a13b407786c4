// Scenes on the page of a job: choose one, draw one, see what happened there.
import { useEffect, useState } from "preact/hooks";
import { explain } from "../api/errors.ts";
import type { Scene } from "../api/track-types.ts";
import type { Player } from "../player/playback/player.ts";
import { Button } from "../ui/button.tsx";
import { Confirm } from "../ui/dialog.tsx";
import { toast } from "../ui/toast.tsx";
import { SceneEditor } from "./editor.tsx";
import { FramePicture } from "./frame-picture.tsx";
import { SceneEvents } from "./scene-events.tsx";
import { deleteScene, loadScenes, scenes } from "./scene-store.ts";

export function ScenePanel({ player, onSeek }: { player: Player; onSeek: (ms: number) => void }) {
  const [dialog, setDialog] = useState<"new" | "edit" | "delete" | null>(null);
  const [problem, setProblem] = useState("");
  const load = () => {
    setProblem("");
    loadScenes().catch((error) => setProblem(explain(error)));
  };
  useEffect(load, []);
  const known = scenes.value ?? [];
  const scene = player.scene.value;
  const choose = (next: Scene | null) => {
    player.scene.value = next;
  };
  const { width, height } = player.video.media ?? { width: 16, height: 9 };
  return (
    <section class="card scenes" aria-labelledby="scenes-title">
      <h2 id="scenes-title">Scene</h2>
      <div class="row">
        <select
          class="scene-choice"
          aria-label="Scene"
          value={scene?.id ?? ""}
          onChange={(event) => choose(known.find(({ id }) => id === event.currentTarget.value) ?? null)}
        >
          <option value="">none</option>
          {known.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
        <Button icon="plus" onClick={() => setDialog("new")}>
          New scene
        </Button>
        {scene && (
          <>
            <Button onClick={() => setDialog("edit")}>Edit</Button>
            <Button icon="trash" onClick={() => setDialog("delete")}>
              Delete
            </Button>
          </>
        )}
      </div>
      {problem && (
        <div class="row" role="alert">
          <p class="error-text">The scenes could not be loaded: {problem}</p>
          <Button onClick={load}>Try again</Button>
        </div>
      )}
      <p class="hint">
        {scene
          ? "Its zones and lines are shown over the video."
          : "Zones and lines, drawn once over a frame, for all videos of the same camera."}
      </p>
      {scene && !player.tracked.value && <p class="soft">Events are counted once the job has tracks.</p>}
      {scene && player.tracked.value && (
        <SceneEvents player={player} scene={scene} onSeek={onSeek} key={JSON.stringify(scene)} />
      )}
      {(dialog === "new" || dialog === "edit") && (
        <SceneEditor
          scene={dialog === "edit" ? scene : null}
          aspect={width / height}
          picture={<FramePicture player={player} />}
          onClose={() => setDialog(null)}
          onSaved={choose}
        />
      )}
      {dialog === "delete" && scene && (
        <Confirm
          title={`Delete ${scene.name}?`}
          deed="Delete"
          onClose={() => setDialog(null)}
          onConfirm={async () => {
            await deleteScene(scene.id);
            choose(null);
            toast(`${scene.name} deleted`);
          }}
        >
          <p>The scene is deleted for all videos. Results stay.</p>
        </Confirm>
      )}
    </section>
  );
}
