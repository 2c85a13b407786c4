// The area of a search: a polygon over a frame of one of the videos.
import { useEffect, useState } from "preact/hooks";
import { Drawing } from "../scenes/drawing.tsx";
import type { Point, Shape } from "../scenes/shapes.ts";
import { type Footage, footageOf } from "../stills/video-facts.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";

interface Props {
  polygon: Point[] | null;
  /** The video whose picture is shown; null: none. */
  video: string | null;
  onChange(polygon: Point[] | null): void;
}

export function AreaField({ polygon, video, onChange }: Props) {
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
      {open && <AreaDialog polygon={polygon} video={video} onChange={onChange} onClose={() => setOpen(false)} />}
    </fieldset>
  );
}

function AreaDialog({ polygon, video, onChange, onClose }: Props & { onClose(): void }) {
  const [footage, setFootage] = useState<Footage | null>(null);
  const [points, setPoints] = useState(polygon);
  const [drawing, setDrawing] = useState(polygon === null);
  useEffect(() => {
    if (video) footageOf(video).then(setFootage, () => setFootage(null));
  }, [video]);
  const { width, height } = footage?.size ?? { width: 16, height: 9 };
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
      <Drawing
        aspect={width / height}
        picture={footage?.poster && <img src={footage.poster} alt="" draggable={false} />}
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
