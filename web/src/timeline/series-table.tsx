// The plot as a table, for screen readers.

import type { Series } from "../api/types.ts";
import { clock } from "../lib/time-format.ts";
import { tableRows } from "./series-view.ts";

interface Props {
  series: Series;
  labels: string[];
  onSeek: (ms: number) => void;
}

const ROWS = 24;

export function SeriesTable({ series, labels, onSeek }: Props) {
  return (
    <div class="series-table">
      <table>
        <caption>Maximum detections per frame in each interval of the plot</caption>
        <thead>
          <tr>
            <th scope="col">From</th>
            {labels.map((label) => (
              <th scope="col" key={label}>
                {label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {tableRows(series, labels, ROWS).map((row) => (
            <tr key={row.from}>
              <th scope="row">
                <button type="button" class="text-button" onClick={() => onSeek(row.from)}>
                  {clock(row.from, 1)}
                </button>
              </th>
              {row.most.map((most, index) => (
                <td key={labels[index]}>{most ?? "not processed"}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
