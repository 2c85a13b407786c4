// Zones and lines over a picture: drawn, moved and changed by pointer, touch and keyboard.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { colourOf } from "../lib/palette.ts";
import { Button } from "../ui/button.tsx";
import {
  arrow,
  centre,
  edges,
  type Kind,
  LEAST,
  moved,
  type Point,
  SAMPLES,
  type Shape,
  within,
  withMore,
  without,
  withPoint,
} from "./shapes.ts";
import "./scenes.css";

interface Props {
  /** Width of the frame by its height. */
  aspect: number;
  picture: ComponentChildren;
  shapes: readonly Shape[];
  selected: number | null;
  onSelect(key: number | null): void;
  /** A shape has changed; null: it was deleted. */
  onChange(key: number, shape: Shape | null): void;
  /** What is being drawn at the moment. */
  drawing: Kind | null;
  /** Drawing has ended; null: it was cancelled. */
  onDrawn(points: Point[] | null): void;
}

/** How near to the first point a click closes a zone, in CSS pixels. */
const NEAR = 16;

export function Drawing(props: Props) {
  const { aspect, picture, shapes, selected, drawing } = props;
  const stage = useRef<HTMLDivElement>(null);
  const [draft, setDraft] = useState<Point[]>([]);
  useEffect(() => setDraft([]), [drawing]);
  const chosen = shapes.find(({ key }) => key === selected) ?? null;
  const place = (event: PointerEvent): Point => {
    const box = (stage.current as HTMLElement).getBoundingClientRect();
    return within([(event.clientX - box.x) / box.width, (event.clientY - box.y) / box.height]);
  };
  return (
    <div>
      <div class="drawing" ref={stage} style={{ "--shape": String(aspect) }}>
        {picture}
        <svg viewBox="0 0 1 1" preserveAspectRatio="none" aria-hidden="true">
          {shapes.map((shape, index) => (
            <Outline
              key={shape.key}
              shape={shape}
              colour={colourOf(index)}
              chosen={shape === chosen}
              onPress={() => props.onSelect(shape.key)}
            />
          ))}
        </svg>
        {shapes.map((shape, index) => (
          <Title key={shape.key} shape={shape} colour={colourOf(index)} aspect={aspect} />
        ))}
        {chosen && !drawing && <Handles shape={chosen} place={place} onChange={props.onChange} />}
        {drawing && <Draft kind={drawing} points={draft} place={place} onPoints={setDraft} onDrawn={props.onDrawn} />}
      </div>
      {drawing && (
        <div class="draft-bar">
          <Button disabled={draft.length < LEAST[drawing]} onClick={() => props.onDrawn(draft)}>
            Finish
          </Button>
          <Button disabled={!draft.length} onClick={() => setDraft(draft.slice(0, -1))}>
            Undo
          </Button>
          <Button kind="quiet" onClick={() => props.onDrawn(null)}>
            Stop drawing
          </Button>
        </div>
      )}
    </div>
  );
}

interface OutlineProps {
  shape: Shape;
  colour: string;
  chosen: boolean;
  onPress: () => void;
}

function Outline({ shape, colour, chosen, onPress }: OutlineProps) {
  const points = shape.points.map((point) => point.join(" ")).join(" ");
  const zone = shape.kind === "zone";
  const Of = zone ? "polygon" : "polyline";
  return (
    <g class={chosen ? "outline chosen" : "outline"} onPointerDown={onPress}>
      <Of points={points} class="under" />
      <Of points={points} style={zone ? { stroke: colour, fill: colour } : { stroke: colour }} />
    </g>
  );
}

/** The name of a shape, and the arrow of a line. */
function Title({ shape, colour, aspect }: { shape: Shape; colour: string; aspect: number }) {
  const { at, degrees } = arrow(shape.points, aspect);
  const [x, y] = shape.kind === "zone" ? centre(shape.points) : at;
  return (
    <span
      class="shape-title"
      style={{ left: `${x * 100}%`, top: `${y * 100}%`, "--colour": colour }}
      aria-hidden="true"
    >
      {shape.kind === "line" && (
        <svg viewBox="0 0 24 24" aria-hidden="true" style={{ transform: `rotate(${degrees}deg)` }}>
          <path d="M2 12h18M14 6l6 6-6 6" />
        </svg>
      )}
      <span>{shape.name}</span>
    </span>
  );
}

const STEPS: Record<string, Point> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** The way of an arrow key: half a percent of the frame, with Shift five. */
function stepOf({ key, shiftKey }: KeyboardEvent): Point | null {
  const step = STEPS[key];
  const by = shiftKey ? 0.05 : 0.005;
  return step ? [step[0] * by, step[1] * by] : null;
}

interface HandlesProps {
  shape: Shape;
  place: (event: PointerEvent) => Point;
  onChange: Props["onChange"];
}

function Handles({ shape, place, onChange }: HandlesProps) {
  const last = useRef<Point | null>(null);
  const change = (next: Shape | null) => onChange(shape.key, next);
  const { points } = shape;
  return (
    <>
      <Handle
        kind="whole"
        at={centre(points)}
        label={`Move ${shape.name}`}
        onDrag={(event, first) => {
          const to = place(event);
          if (!first && last.current) change(moved(shape, to[0] - last.current[0], to[1] - last.current[1]));
          last.current = to;
        }}
        onStep={([x, y]) => change(moved(shape, x, y))}
        onDelete={() => change(null)}
      />
      {edges(shape).map(({ after, middle }) => (
        <Handle
          key={`after ${after}`}
          kind="middle"
          at={middle}
          label={`Add a point after point ${after + 1} of ${shape.name}`}
          onAdd={() => change(withMore(shape, after, middle))}
        />
      ))}
      {points.map((at, index) => (
        <Handle
          key={index}
          kind="point"
          at={at}
          label={`Point ${index + 1} of ${shape.name}`}
          onDrag={(event, first) => first || change(withPoint(shape, index, place(event)))}
          onStep={([x, y]) => change(withPoint(shape, index, [at[0] + x, at[1] + y]))}
          onDelete={() => {
            const less = without(shape, index);
            if (less) change(less);
          }}
        />
      ))}
    </>
  );
}

interface HandleProps {
  kind: "point" | "middle" | "whole";
  at: Point;
  label: string;
  /** Pressed, then dragged. */
  onDrag?(event: PointerEvent, first: boolean): void;
  onStep?(way: Point): void;
  onDelete?(): void;
  onAdd?(): void;
}

function Handle({ kind, at, label, onDrag, onStep, onDelete, onAdd }: HandleProps) {
  return (
    <button
      type="button"
      class={`handle ${kind}`}
      style={{ left: `${at[0] * 100}%`, top: `${at[1] * 100}%` }}
      aria-label={label}
      title={label}
      onClick={onAdd}
      onPointerDown={(event) => {
        if (!onDrag || event.button !== 0) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        onDrag(event, true);
      }}
      onPointerMove={(event) => {
        if (event.currentTarget.hasPointerCapture(event.pointerId)) onDrag?.(event, false);
      }}
      onKeyDown={(event) => {
        const step = stepOf(event);
        if (step && onStep) onStep(step);
        else if ((event.key === "Delete" || event.key === "Backspace") && onDelete) onDelete();
        else return;
        event.preventDefault();
      }}
    />
  );
}

interface DraftProps {
  kind: Kind;
  points: Point[];
  onPoints(points: Point[]): void;
  place: (event: PointerEvent) => Point;
  onDrawn: Props["onDrawn"];
}

/** A shape while it is drawn: each press adds a point, which follows the pointer until it is released. */
function Draft({ kind, points, place, onPoints, onDrawn }: DraftProps) {
  const surface = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    // After a dialog that opens with this has focused its first button.
    const next = requestAnimationFrame(() => surface.current?.focus({ preventScroll: true }));
    return () => cancelAnimationFrame(next);
  }, [kind]);
  const enough = points.length >= LEAST[kind];
  const press = (event: PointerEvent) => {
    if (event.button !== 0) return;
    const target = event.currentTarget as HTMLElement;
    const { width, height } = target.getBoundingClientRect();
    const to = place(event);
    const closes = ([x, y]: Point) => Math.hypot((x - to[0]) * width, (y - to[1]) * height) < NEAR;
    const end = kind === "zone" ? points[0] : points.at(-1);
    if (enough && end && closes(end)) return onDrawn(points);
    target.setPointerCapture(event.pointerId);
    onPoints([...points, to]);
  };
  const key = (event: KeyboardEvent) => {
    if (event.key === "Enter" && enough) onDrawn(points);
    else if (event.key === "Enter" && !points.length) onDrawn(SAMPLES[kind]);
    else if (event.key === "Escape") onDrawn(null);
    else if (event.key === "Backspace") onPoints(points.slice(0, -1));
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <button
      type="button"
      class="draft"
      ref={surface}
      aria-label={`Draw a ${kind}: Enter without a point gives one to move`}
      onPointerDown={press}
      onPointerMove={(event) => {
        if (event.currentTarget.hasPointerCapture(event.pointerId)) onPoints([...points.slice(0, -1), place(event)]);
      }}
      onKeyDown={key}
    >
      <svg viewBox="0 0 1 1" preserveAspectRatio="none" aria-hidden="true">
        <polyline class="under" points={points.map((point) => point.join(" ")).join(" ")} />
        <polyline points={points.map((point) => point.join(" ")).join(" ")} />
      </svg>
      {points.map(([x, y], index) => (
        <span class="draft-point" key={index} style={{ left: `${x * 100}%`, top: `${y * 100}%` }} />
      ))}
    </button>
  );
}
