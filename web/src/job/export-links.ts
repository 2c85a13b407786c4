// Addresses of what is on the screen, for links and for a command line. Pure.

export interface Shown {
  job: string;
  /** Null where it is the job's own. */
  minScore: number | null;
  /** Null for all of them. */
  labels: readonly string[] | null;
}

export const FORMATS = [
  ["json", "JSON", "one document with job, video and all frames"],
  ["ndjson", "NDJSON", "one frame per line, for streaming"],
  ["csv", "CSV", "one detection per line, for spreadsheets"],
  ["coco", "COCO", "annotations for training and evaluation tools"],
] as const;

/** The query of the filters that are set. */
function filters(shown: Shown): URLSearchParams {
  const query = new URLSearchParams();
  if (shown.minScore !== null) query.append("min_score", shown.minScore.toFixed(2));
  for (const label of shown.labels ?? []) query.append("label", label);
  return query;
}

export function exportLink(shown: Shown, format: string): string {
  const query = filters(shown);
  return `/api/v1/jobs/${shown.job}/export?${new URLSearchParams([["format", format], ...query])}`;
}

/** The path of the results as they are filtered on the screen. */
export function resultsPath(shown: Shown): string {
  const query = filters(shown).toString();
  return `/api/v1/jobs/${shown.job}/results${query ? `?${query}` : ""}`;
}
