// Where the names of boxes go, so that none covers another. Pure; in CSS pixels of the stage.
import type { Rect } from "./geometry.ts";

export interface Name {
  /** The box that is named. */
  box: Rect;
  width: number;
  height: number;
}

/** The place of each name, or null where there is no room for it. Earlier names go first: they get the better places. */
export function placeNames(names: readonly Name[], picture: Rect): (Rect | null)[] {
  const taken: Rect[] = [];
  return names.map((name) => {
    const place = candidates(name, picture).find((one) => !taken.some((other) => overlap(one, other))) ?? null;
    if (place) taken.push(place);
    return place;
  });
}

/** Places for a name, best first: above its box, inside at its top, below it, inside at its bottom; at each height at
 * its left, then at its right. All are within the picture. */
function candidates({ box, width, height }: Name, picture: Rect): Rect[] {
  const last = picture.y + picture.height - height;
  const top = Math.max(picture.y, box.y);
  const bottom = box.y + box.height;
  const rows = [box.y - height, top, bottom, Math.min(bottom, picture.y + picture.height) - height];
  const rightmost = Math.max(picture.x, picture.x + picture.width - width);
  const columns = [box.x, box.x + box.width - width].map((x) => Math.max(picture.x, Math.min(x, rightmost)));
  return rows.filter((y) => y >= picture.y && y <= last).flatMap((y) => columns.map((x) => ({ x, y, width, height })));
}

function overlap(one: Rect, other: Rect): boolean {
  return (
    one.x < other.x + other.width &&
    other.x < one.x + one.width &&
    one.y < other.y + other.height &&
    other.y < one.y + one.height
  );
}
