// Paths of the results on the screen, for links and for the curl command. Pure.

export interface Shown {
  job: string;
  /** Null for the job's own. */
  minScore: number | null;
  /** Null for all. */
  labels: readonly string[] | null;
}

/** Query parameters of the set filters. */
function filters(shown: Shown): URLSearchParams {
  const query = new URLSearchParams();
  if (shown.minScore !== null) query.append("min_score", shown.minScore.toFixed(2));
  for (const label of shown.labels ?? []) query.append("label", label);
  return query;
}

export function exportLink(shown: Shown, format: string): string {
  const query = new URLSearchParams({ format });
  // Without a byte order mark, Excel does not read it as UTF-8.
  if (format === "csv") query.append("bom", "1");
  return `/api/v1/jobs/${shown.job}/export?${new URLSearchParams([...query, ...filters(shown)])}`;
}

/** Path of the results with the filters on the screen. */
export function resultsPath(shown: Shown): string {
  const query = filters(shown).toString();
  return `/api/v1/jobs/${shown.job}/results${query ? `?${query}` : ""}`;
}
