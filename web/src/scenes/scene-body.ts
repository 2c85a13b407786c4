// A scene as it is edited and as the API has it. Pure.
import { type Kind, type Point, type Shape, WORDS } from "./shapes.ts";

/** Zones and lines as the API has them. */
export interface SceneBody {
  name: string;
  zones: { name: string; polygon: Point[] }[];
  lines: { name: string; points: Point[] }[];
}

export function shapesOf({ zones, lines }: Pick<SceneBody, "zones" | "lines">): Shape[] {
  return [
    ...zones.map(({ name, polygon }) => ({ kind: "zone" as const, name, points: polygon })),
    ...lines.map(({ name, points }) => ({ kind: "line" as const, name, points })),
  ].map((shape, key) => ({ key, ...shape }));
}

export function bodyOf(name: string, shapes: readonly Shape[]): SceneBody {
  const of = (kind: Kind) => shapes.filter((shape) => shape.kind === kind);
  return {
    name: name.trim(),
    zones: of("zone").map((shape) => ({ name: shape.name.trim(), polygon: shape.points })),
    lines: of("line").map((shape) => ({ name: shape.name.trim(), points: shape.points })),
  };
}

/** A new shape with a name that is not taken. */
export function fresh(kind: Kind, points: Point[], shapes: readonly Shape[]): Shape {
  const taken = new Set(shapes.map((shape) => shape.name.trim()));
  let number = 1;
  while (taken.has(`${WORDS[kind]} ${number}`)) number += 1;
  return { key: Math.max(-1, ...shapes.map(({ key }) => key)) + 1, kind, name: `${WORDS[kind]} ${number}`, points };
}

/** Why a scene cannot be saved yet, or null. */
export function whyNot(name: string, shapes: readonly Shape[]): string | null {
  if (!name.trim()) return "Give the scene a name.";
  if (!shapes.length) return "Draw a zone or a line first.";
  const names = shapes.map((shape) => shape.name.trim());
  if (names.includes("")) return "Give each zone and line a name.";
  const twice = names.find((one, index) => names.indexOf(one) !== index);
  return twice === undefined ? null : `Two are named ${twice}: give each a name of its own.`;
}
