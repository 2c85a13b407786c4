// Zones and lines as they are drawn. Pure; coordinates are 0 to 1 of the displayed frame.

export type Point = [number, number];
export type Kind = "zone" | "line";

export interface Shape {
  /** Distinguishes shapes while they are edited. */
  key: number;
  kind: Kind;
  name: string;
  points: Point[];
}

export const LEAST: Record<Kind, number> = { zone: 3, line: 2 };
export const WORDS: Record<Kind, string> = { zone: "Zone", line: "Line" };

/** What is drawn without a pointer, to be moved from there. */
export const SAMPLES: Record<Kind, Point[]> = {
  zone: [
    [0.3, 0.3],
    [0.7, 0.3],
    [0.7, 0.7],
    [0.3, 0.7],
  ],
  line: [
    [0.5, 0.3],
    [0.5, 0.7],
  ],
};

/** A place in the frame. */
export function within([x, y]: Point): Point {
  return [inside(x), inside(y)];
}

export function withPoint(shape: Shape, index: number, to: Point): Shape {
  return { ...shape, points: shape.points.map((point, at) => (at === index ? within(to) : point)) };
}

/** The whole shape moved, as far as it stays in the frame. */
export function moved(shape: Shape, dx: number, dy: number): Shape {
  const way = (by: number, values: number[]) => Math.max(-Math.min(...values), Math.min(by, 1 - Math.max(...values)));
  const x = way(
    dx,
    shape.points.map((point) => point[0]),
  );
  const y = way(
    dy,
    shape.points.map((point) => point[1]),
  );
  return { ...shape, points: shape.points.map((point) => within([point[0] + x, point[1] + y])) };
}

/** Each edge by the index of its first point, with its middle. */
export function edges({ kind, points }: Pick<Shape, "kind" | "points">): { after: number; middle: Point }[] {
  return points.flatMap((point, after) => {
    const next = points[after + 1] ?? (kind === "zone" ? points[0] : undefined);
    return next ? [{ after, middle: [(point[0] + next[0]) / 2, (point[1] + next[1]) / 2] as Point }] : [];
  });
}

export function withMore(shape: Shape, after: number, point: Point): Shape {
  const points = [...shape.points];
  points.splice(after + 1, 0, within(point));
  return { ...shape, points };
}

/** Without a point; null where too few would be left. */
export function without(shape: Shape, index: number): Shape | null {
  if (shape.points.length <= LEAST[shape.kind]) return null;
  return { ...shape, points: shape.points.filter((_, at) => at !== index) };
}

export function centre(points: readonly Point[]): Point {
  const mean = (axis: 0 | 1) => points.reduce((sum, point) => sum + point[axis], 0) / Math.max(1, points.length);
  return [mean(0), mean(1)];
}

/** Where the arrow of a line is, and its angle on the screen in degrees: it points from its left to its right side as
 * drawn, which counts as forward. aspect: width of the frame by its height. */
export function arrow(points: readonly Point[], aspect: number): { at: Point; degrees: number } {
  const index = Math.max(0, Math.ceil(points.length / 2) - 1);
  const from: Point = points[index] ?? [0, 0];
  const to: Point = points[index + 1] ?? from;
  const along = Math.atan2(to[1] - from[1], (to[0] - from[0]) * aspect);
  return { at: [(from[0] + to[0]) / 2, (from[1] + to[1]) / 2], degrees: (along * 180) / Math.PI + 90 };
}

function inside(value: number): number {
  return Math.round(Math.min(1, Math.max(0, value)) * 10_000) / 10_000;
}
