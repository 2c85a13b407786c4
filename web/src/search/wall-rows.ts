// Which rows of a wall are on the screen, so that only these are in the page. Pure; lengths in CSS pixels.

export interface Grid {
  columns: number;
  /** Height of a row with its gap. */
  rowHeight: number;
}

const LEAST_WIDTH = { wide: 190, narrow: 150 };
const GAP = 10;
/** Height of the words under a picture, which is 4:3. */
const WORDS_HEIGHT = 68;
/** Padding and border of a cell on both sides together. */
const EDGES = 14;

/** The grid on a wall of that width. */
export function gridOf(width: number): Grid {
  const least = width < 600 ? LEAST_WIDTH.narrow : LEAST_WIDTH.wide;
  const columns = Math.max(1, Math.floor((width + GAP) / (least + GAP)));
  const cell = (width - (columns - 1) * GAP) / columns;
  const picture = Math.max(0, ((cell - EDGES) * 3) / 4);
  return { columns, rowHeight: Math.round(picture + WORDS_HEIGHT + EDGES + GAP) };
}

/** The rows, first and last excluded, between `top` and `top + height` of a wall of `count` cells, and two more on each
 * side. */
export function rowsIn(grid: Grid, count: number, top: number, height: number): { first: number; end: number } {
  const rows = Math.ceil(count / grid.columns);
  const first = Math.floor(top / grid.rowHeight) - 2;
  const end = Math.ceil((top + height) / grid.rowHeight) + 2;
  const within = (row: number) => Math.min(Math.max(0, row), rows);
  return { first: within(first), end: within(end) };
}

export function wallHeight(grid: Grid, count: number): number {
  return Math.ceil(count / grid.columns) * grid.rowHeight;
}
