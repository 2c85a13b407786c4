import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Region } from "../api/option-table.ts";
import { Button } from "../ui/button.tsx";
import { useTyped } from "../ui/fields.tsx";

interface RegionProps {
  /** The file if available, else the poster of the video. */
  file?: File | undefined;
  poster?: string | null | undefined;
  /** The running picture of a stream, instead of both. */
  picture?: ComponentChildren | undefined;
  region: Region | null;
  error?: string | undefined;
  onChange(region: Region | null): void;
}

const SIDES = ["Left", "Top", "Right", "Bottom"] as const;
const LEAST = 0.02;

/** The region of the frame to process: drawn with the pointer, or entered in percent. */
export function RegionField({ file, poster, picture, region, error, onChange }: RegionProps) {
  const start = useRef<[number, number] | null>(null);
  const place = (event: PointerEvent): [number, number] => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const inside = (value: number) => Math.round(Math.min(1, Math.max(0, value)) * 1000) / 1000;
    return [inside((event.clientX - box.x) / box.width), inside((event.clientY - box.y) / box.height)];
  };
  const down = (event: PointerEvent) => {
    (event.currentTarget as Element).setPointerCapture(event.pointerId);
    start.current = place(event);
  };
  const draw = (event: PointerEvent) => {
    if (!start.current) return;
    const [[x, y], [u, v]] = [start.current, place(event)];
    const box: Region = [Math.min(x, u), Math.min(y, v), Math.max(x, u), Math.max(y, v)];
    if (box[2] - box[0] >= LEAST && box[3] - box[1] >= LEAST) onChange(box);
  };
  const side = (index: number, percent: number) => {
    const box: Region = [...(region ?? [0, 0, 1, 1])];
    box[index] = Math.min(1, Math.max(0, percent / 100 || 0));
    onChange(box.every((value, at) => value === (at < 2 ? 0 : 1)) ? null : box);
  };
  return (
    <fieldset class="field region">
      <legend>Region</legend>
      <Picture file={file} poster={poster} picture={picture}>
        <svg
          viewBox="0 0 1 1"
          preserveAspectRatio="none"
          aria-hidden="true"
          onPointerDown={down}
          onPointerMove={draw}
          onPointerUp={() => {
            start.current = null;
          }}
        >
          {region && (
            <>
              <path
                class="region-out"
                fill-rule="evenodd"
                d={`M0 0H1V1H0ZM${region[0]} ${region[1]}H${region[2]}V${region[3]}H${region[0]}Z`}
              />
              <rect
                class="region-edge"
                x={region[0]}
                y={region[1]}
                width={Math.max(0, region[2] - region[0])}
                height={Math.max(0, region[3] - region[1])}
              />
            </>
          )}
        </svg>
      </Picture>
      <div class="region-sides">
        {SIDES.map((name, index) => (
          <Side
            key={name}
            name={name}
            percent={Math.round((region?.[index] ?? (index < 2 ? 0 : 1)) * 1000) / 10}
            onChange={(percent) => side(index, percent)}
          />
        ))}
        <Button kind="quiet" disabled={!region} onClick={() => onChange(null)}>
          Whole frame
        </Button>
      </div>
      <p class={error ? "error-text" : "hint"}>{error ?? "Only objects inside the region are detected."}</p>
    </fieldset>
  );
}

interface SideProps {
  name: string;
  percent: number;
  onChange(percent: number): void;
}

function Side({ name, percent, onChange }: SideProps) {
  const typed = useTyped(String(percent), (input) => onChange(input.valueAsNumber));
  return (
    <label>
      {name} %
      <input type="number" min="0" max="100" step="any" {...typed} />
    </label>
  );
}

interface PictureProps extends Pick<RegionProps, "file" | "poster" | "picture"> {
  children: ComponentChildren;
}

/** The running picture, the first frame of the file if the browser plays it, else the poster, else a text. */
function Picture({ file, poster, picture, children }: PictureProps) {
  const [local, setLocal] = useState<string | null>(null);
  const [broken, setBroken] = useState<"file" | "poster" | null>(null);
  useEffect(() => {
    setBroken(null);
    if (!file) return setLocal(null);
    const address = URL.createObjectURL(file);
    setLocal(address);
    return () => URL.revokeObjectURL(address);
  }, [file]);
  if (picture)
    return (
      <div class="region-picture running">
        {picture}
        {children}
      </div>
    );
  const isImage = file?.type.startsWith("image/");
  if (local && broken === null)
    return (
      <div class="region-picture">
        {isImage ? (
          <img src={local} alt="" draggable={false} onError={() => setBroken("file")} />
        ) : (
          <video src={local} muted playsInline preload="auto" onError={() => setBroken("file")} />
        )}
        {children}
      </div>
    );
  if (poster && broken !== "poster")
    return (
      <div class="region-picture">
        <img src={poster} alt="" draggable={false} onError={() => setBroken("poster")} />
        {children}
      </div>
    );
  return <p class="region-none">There is no preview to draw on yet; enter the edges in percent.</p>;
}
