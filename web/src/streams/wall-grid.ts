/** Most tiles at once. */
export const MOST_TILES = 16;
const LEAST_WIDTH = 300;

/** Columns of the wall: as square as can be, each tile at least LEAST_WIDTH wide (CSS pixels). */
export function columnsFor(tiles: number, width: number): number {
  const fitting = Math.max(1, Math.floor(width / LEAST_WIDTH));
  return Math.max(1, Math.min(Math.ceil(Math.sqrt(tiles)), fitting));
}
