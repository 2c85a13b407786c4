// What the service does now, and what is wrong, for administrators.
import { useEffect, useState } from "preact/hooks";
import { API, api } from "../api/client.ts";
import { ApiError, explain } from "../api/errors.ts";
import { readiness } from "../api/readiness.ts";
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
  const [checks, setChecks] = useState<Record<string, string>>({});
  const load = async () => {
    try {
      setStatus(await api.get<ServiceStatus>(PATH));
      setError("");
    } catch (caught) {
      // Without the database nobody can be signed in, so the status cannot tell that it is gone.
      setChecks(caught instanceof ApiError && caught.status === 503 ? await readiness() : {});
      setError(explain(caught));
    }
  };
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let ended = false;
    const later = () => {
      if (!ended) timer = setTimeout(again, POLL_MS);
    };
    const again = () => (document.hidden ? later() : void load().then(later));
    void load().then(later);
    return () => {
      ended = true;
      clearTimeout(timer);
    };
  }, []);
  return (
    <>
      <h1 tabIndex={-1}>Status</h1>
      {error && <Failure title="The status could not be loaded" detail={error} onRetry={() => void load()} />}
      {error && Object.keys(checks).length > 0 && (
        <Servers rows={Object.entries(checks).map(([name, state]) => [name, state === "ok"] as const)} />
      )}
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
        <Servers rows={Object.entries(status.servers)} />
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

function Servers({ rows }: { rows: readonly (readonly [string, boolean])[] }) {
  const told = rows.map(([name, isUp]) => [named(name), isUp ? "answers" : "does not answer"] as const);
  return <Group title="Servers" rows={told} />;
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
