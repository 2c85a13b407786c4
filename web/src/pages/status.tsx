// What the service does now, and what is wrong, for administrators.
import { useEffect, useState } from "preact/hooks";
import { API, api } from "../api/client.ts";
import { explain } from "../api/errors.ts";
import type { Problem, ServiceStatus } from "../api/status-types.ts";
import { duration } from "../lib/time-format.ts";
import { figures, named } from "../status/status-text.ts";
import { CurlLine } from "../ui/curl.tsx";
import { Failure, Waiting } from "../ui/empty.tsx";
import "../status/status.css";

const PATH = `${API}/admin/status`;
const POLL_MS = 5_000;

export function StatusPage() {
  const [status, setStatus] = useState<ServiceStatus | null>(null);
  const [error, setError] = useState("");
  const load = () =>
    api.get<ServiceStatus>(PATH).then(
      (found) => {
        setStatus(found);
        setError("");
      },
      (caught) => setError(explain(caught)),
    );
  useEffect(() => {
    void load();
    const timer = setInterval(() => document.hidden || void load(), POLL_MS);
    return () => clearInterval(timer);
  }, []);
  return (
    <>
      <h1 tabIndex={-1}>Status</h1>
      {error && <Failure title="The status could not be loaded" detail={error} onRetry={() => void load()} />}
      {!error && !status && <Waiting label="Loading the status" />}
      {!error && status && <Whole status={status} />}
      <CurlLine path={PATH} />
    </>
  );
}

function Whole({ status }: { status: ServiceStatus }) {
  return (
    <div class="status-page">
      <Problems problems={status.problems} />
      <div class="status-groups">
        {Object.entries(figures(status)).map(([group, rows]) => (
          <Group key={group} title={group} rows={rows} />
        ))}
        <Group
          title="Servers"
          rows={Object.entries(status.servers).map(
            ([name, isUp]) => [named(name), isUp ? "answers" : "does not answer"] as const,
          )}
        />
      </div>
      <Workers workers={status.workers} />
      <p class="soft">Release {status.release}. Updated every 5 seconds.</p>
    </div>
  );
}

function Problems({ problems }: { problems: Problem[] }) {
  return (
    <section class="card" aria-labelledby="wrong-title">
      <h2 id="wrong-title">Wrong now</h2>
      {problems.length === 0 ? (
        <p>Nothing.</p>
      ) : (
        <ul class="wrongs" aria-label="Problems">
          {problems.map((problem) => (
            <li key={problem.what}>
              <span class={`badge ${problem.severity === "critical" ? "bad" : "warn"}`}>{problem.severity}</span>
              <h3>{problem.what}</h3>
              <p>{problem.do}</p>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function Group({ title, rows }: { title: string; rows: readonly (readonly [string, string])[] }) {
  return (
    <section class="card">
      <h2>{title}</h2>
      <dl>
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function Workers({ workers }: { workers: ServiceStatus["workers"] }) {
  return (
    <section class="card">
      <h2>Workers</h2>
      {!workers && <p>Unknown, since Redis does not answer.</p>}
      {workers && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it can be scrolled by the keyboard
        <section class="table-scroll" tabIndex={0} aria-label="Workers by role">
          <table class="found">
            <thead>
              <tr>
                <th scope="col">Role</th>
                <th scope="col">Instance</th>
                <th scope="col">Last heartbeat</th>
                <th scope="col">Models</th>
              </tr>
            </thead>
            <tbody>{Object.entries(workers).map(([role, there]) => rowsOf(role, there))}</tbody>
          </table>
        </section>
      )}
    </section>
  );
}

function rowsOf(role: string, there: NonNullable<ServiceStatus["workers"]>[string]) {
  if (there.length === 0)
    return (
      <tr key={role}>
        <th scope="row">{named(role)}</th>
        <td colSpan={3}>none</td>
      </tr>
    );
  return there.map(({ name, heard_seconds, models }) => (
    <tr key={name}>
      <th scope="row">{named(role)}</th>
      <td>{name}</td>
      <td>{duration(heard_seconds)} ago</td>
      <td>{models.join(", ")}</td>
    </tr>
  ));
}
