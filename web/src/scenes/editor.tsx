// The editor of a scene, over a frame of the video.
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { explain } from "../api/errors.ts";
import type { Scene } from "../api/track-types.ts";
import { colourOf } from "../lib/palette.ts";
import { Button, IconButton } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Field } from "../ui/field.tsx";
import { Drawing } from "./drawing.tsx";
import { bodyOf, fresh, shapesOf, whyNot } from "./scene-body.ts";
import { saveScene } from "./scene-store.ts";
import { type Kind, type Point, type Shape, WORDS } from "./shapes.ts";

interface Props {
  /** Null for a new one. */
  scene: Scene | null;
  aspect: number;
  picture: ComponentChildren;
  onClose(): void;
  onSaved(scene: Scene): void;
}

const HINTS: Record<Kind, string> = {
  zone: "Click the corners of the zone, then its first corner or Finish. Enter alone draws a rectangle to move.",
  line: "Click the points of the line, then its last point or Finish. Enter alone draws a line to move.",
};
const HINT =
  "Drag points, or move them with the arrow keys; Delete removes one. The small points between them add more. The arrow of a line shows what counts as forward.";

export function SceneEditor({ scene, aspect, picture, onClose, onSaved }: Props) {
  const [name, setName] = useState(scene?.name ?? "");
  const [shapes, setShapes] = useState<Shape[]>(() => (scene ? shapesOf(scene) : []));
  const [selected, setSelected] = useState<number | null>(null);
  const [drawing, setDrawing] = useState<Kind | null>(scene ? null : "zone");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const change = (key: number, next: Shape | null) => {
    setShapes((now) => now.flatMap((shape) => (shape.key !== key ? [shape] : next ? [next] : [])));
    setProblem("");
  };
  const drawn = (points: Point[] | null) => {
    if (drawing && points) {
      const shape = fresh(drawing, points, shapes);
      setShapes([...shapes, shape]);
      setSelected(shape.key);
    }
    setDrawing(null);
  };
  const save = async () => {
    const missing = whyNot(name, shapes);
    setProblem(missing ?? "");
    if (missing) return;
    setBusy(true);
    try {
      onSaved(await saveScene(scene?.id ?? null, bodyOf(name, shapes)));
      onClose();
    } catch (error) {
      setProblem(explain(error));
      setBusy(false);
    }
  };
  const actions = (
    <>
      <Button onClick={onClose}>Cancel</Button>
      <Button kind="primary" busy={busy} disabled={drawing !== null} onClick={save}>
        Save
      </Button>
    </>
  );
  return (
    <Dialog title={scene ? `Edit ${scene.name}` : "New scene"} onClose={onClose} actions={actions} wide>
      <div class="scene-editor">
        <div>
          <Drawing
            aspect={aspect}
            picture={picture}
            shapes={shapes}
            selected={selected}
            onSelect={setSelected}
            onChange={change}
            drawing={drawing}
            onDrawn={drawn}
          />
          <p class="hint drawing-hint">{drawing ? HINTS[drawing] : HINT}</p>
        </div>
        <div class="scene-side">
          <Field label="Name of the scene">
            {(ties) => (
              <input {...ties} value={name} maxLength={255} onInput={(event) => setName(event.currentTarget.value)} />
            )}
          </Field>
          <div class="row">
            <Button icon="plus" disabled={drawing !== null} onClick={() => setDrawing("zone")}>
              Zone
            </Button>
            <Button icon="plus" disabled={drawing !== null} onClick={() => setDrawing("line")}>
              Line
            </Button>
          </div>
          <ul class="shape-list" aria-label="Zones and lines">
            {shapes.map((shape, index) => (
              <ShapeRow
                key={shape.key}
                shape={shape}
                colour={colourOf(index)}
                chosen={shape.key === selected}
                onSelect={() => setSelected(shape.key)}
                onChange={(next) => change(shape.key, next)}
              />
            ))}
          </ul>
        </div>
      </div>
      {problem && (
        <p class="error-text" role="alert">
          {problem}
        </p>
      )}
    </Dialog>
  );
}

interface RowProps {
  shape: Shape;
  colour: string;
  chosen: boolean;
  onSelect(): void;
  onChange(shape: Shape | null): void;
}

function ShapeRow({ shape, colour, chosen, onSelect, onChange }: RowProps) {
  const kind = WORDS[shape.kind];
  return (
    <li class={chosen ? "chosen" : ""}>
      <span class="swatch" aria-hidden="true" style={{ background: colour }} />
      <input
        aria-label={`Name of ${kind.toLowerCase()} ${shape.name}`}
        value={shape.name}
        maxLength={64}
        onFocus={onSelect}
        onInput={(event) => onChange({ ...shape, name: event.currentTarget.value })}
      />
      {shape.kind === "line" && (
        <IconButton
          icon="retry"
          label={`Turn the direction of ${shape.name}`}
          onClick={() => onChange({ ...shape, points: [...shape.points].reverse() })}
        />
      )}
      <IconButton icon="trash" label={`Delete ${shape.name}`} onClick={() => onChange(null)} />
    </li>
  );
}
