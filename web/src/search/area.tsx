// The area of a search: a polygon over a picture of a video or camera.
import { useState } from "preact/hooks";
import { Drawing } from "../scenes/drawing.tsx";
import type { Point, Shape } from "../scenes/shapes.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Field } from "../ui/field.tsx";
import type { Backdrop } from "./backdrops.ts";
import { useBackdrop } from "./use-backdrop.tsx";

interface Props {
  polygon: Point[] | null;
  /** The pictures to choose from; the first is shown at first. */
  backdrops: readonly Backdrop[];
  onChange(polygon: Point[] | null): void;
}

export function AreaField({ polygon, backdrops, onChange }: Props) {
  const [open, setOpen] = useState(false);
  return (
    <fieldset class="field">
      <legend>Area</legend>
      <div class="row">
        <Button onClick={() => setOpen(true)}>{polygon ? "Change the area" : "Draw an area"}</Button>
        {polygon && (
          <Button kind="quiet" onClick={() => onChange(null)}>
            Anywhere
          </Button>
        )}
      </div>
      <p class="hint">{polygon ? `Objects that stood in an area of ${polygon.length} corners.` : "Anywhere."}</p>
      {open && (
        <AreaDialog polygon={polygon} backdrops={backdrops} onChange={onChange} onClose={() => setOpen(false)} />
      )}
    </fieldset>
  );
}

function AreaDialog({ polygon, backdrops, onChange, onClose }: Props & { onClose(): void }) {
  // Those of the moment when it opened: hits may come and go meanwhile.
  const [choices] = useState(backdrops);
  const [at, setAt] = useState(0);
  const [points, setPoints] = useState(polygon);
  const [drawing, setDrawing] = useState(polygon === null);
  const { aspect, picture } = useBackdrop(choices[at]?.of ?? null);
  const shapes: Shape[] = points ? [{ key: 0, kind: "zone", name: "Area", points }] : [];
  const actions = (
    <>
      <Button onClick={onClose}>Cancel</Button>
      <Button
        kind="primary"
        disabled={drawing || !points}
        onClick={() => {
          onChange(points);
          onClose();
        }}
      >
        Use this area
      </Button>
    </>
  );
  return (
    <Dialog title="Area of the search" onClose={onClose} actions={actions} wide>
      {choices.length > 1 && (
        <Field label="Picture">
          {(ties) => (
            <select {...ties} value={String(at)} onChange={(event) => setAt(Number(event.currentTarget.value))}>
              {choices.map(({ name }, index) => (
                <option key={name} value={String(index)}>
                  {name}
                </option>
              ))}
            </select>
          )}
        </Field>
      )}
      <Drawing
        aspect={aspect}
        picture={picture}
        shapes={shapes}
        selected={0}
        onSelect={() => undefined}
        onChange={(_, shape) => {
          setPoints(shape?.points ?? null);
          setDrawing(shape === null);
        }}
        drawing={drawing ? "zone" : null}
        onDrawn={(drawn) => {
          setPoints(drawn);
          setDrawing(false);
        }}
      />
      <div class="row">
        <Button
          disabled={drawing}
          onClick={() => {
            setPoints(null);
            setDrawing(true);
          }}
        >
          Draw anew
        </Button>
        <p class="hint">
          {drawing
            ? "Click the corners, then the first one or Finish. Enter alone draws a rectangle to move."
            : "Drag the corners, or move them with the arrow keys."}
        </p>
      </div>
    </Dialog>
  );
}
