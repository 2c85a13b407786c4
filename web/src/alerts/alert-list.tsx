// The history of alerts: picture, what, where and when; opens the player or the stream at that place.
import { useEffect, useState } from "preact/hooks";
import type { Alert } from "../api/alert-types.ts";
import { explain } from "../api/errors.ts";
import type { Track } from "../api/track-types.ts";
import { Still } from "../stills/still.tsx";
import { streams } from "../streams/stream-store.ts";
import { findTrack } from "../tracks/track-source.ts";
import { Button } from "../ui/button.tsx";
import { Empty, Failure, Waiting } from "../ui/empty.tsx";
import { Choice } from "../ui/fields.tsx";
import { Link } from "../ui/link.tsx";
import { Poster } from "../ui/poster.tsx";
import { toast } from "../ui/toast.tsx";
import {
  alerts,
  alertsProblem,
  loadAlerts,
  markSeen,
  moreAlerts,
  nextAlerts,
  ruleShown,
  showRule,
} from "./alert-store.ts";
import { rules } from "./rule-store.ts";
import { alertLink, alertTime, alertWhat } from "./rule-text.ts";

/** The picture of an alert is stored some seconds after it was raised. */
const FRESH_MS = 60_000;

export function AlertList() {
  useEffect(() => void loadAlerts(), []);
  const list = alerts.value;
  const fresh = (list ?? []).filter(({ seen }) => !seen).map(({ id }) => id);
  return (
    <section class="card history" aria-labelledby="history-title">
      <div class="row between">
        <h2 id="history-title">History</h2>
        <div class="row">{fresh.length > 0 && <Button onClick={() => see(fresh)}>Mark all as seen</Button>}</div>
      </div>
      {(rules.value?.length ?? 0) > 1 && (
        <div class="history-filter">
          <Choice
            label="Rule"
            choices={[["", "all"], ...(rules.value ?? []).map(({ id, name }) => [id, name] as const)]}
            value={ruleShown.value}
            onChange={showRule}
          />
        </div>
      )}
      <Items list={list} />
    </section>
  );
}

function Items({ list }: { list: Alert[] | null }) {
  const [busy, setBusy] = useState(false);
  const problem = alertsProblem.value;
  if (!list && problem)
    return <Failure title="The alerts could not be loaded" detail={problem} onRetry={() => void loadAlerts()} />;
  if (!list) return <Waiting label="Loading the alerts" />;
  if (!list.length)
    return (
      <Empty icon="bell" title="No alerts yet">
        <p>What a rule finds appears here, from videos when their objects have been followed, from cameras at once.</p>
        <p>What was recorded more than 7 days ago raises none: search finds it.</p>
      </Empty>
    );
  const more = async () => {
    setBusy(true);
    await moreAlerts().catch((error) => toast(explain(error), "bad"));
    setBusy(false);
  };
  return (
    <>
      <ul class="alert-list" aria-label="Alerts">
        {list.map((alert) => (
          <Row key={alert.id} alert={alert} />
        ))}
      </ul>
      {nextAlerts.value && (
        <p class="more">
          <Button busy={busy} onClick={more}>
            Show more
          </Button>
        </p>
      )}
    </>
  );
}

function Row({ alert }: { alert: Alert }) {
  const link = alertLink(alert);
  const what = alertWhat(alert);
  const camera = streams.value?.find(({ id }) => id === alert.stream_id)?.name;
  return (
    <li class={alert.seen ? "alert" : "alert new"}>
      <Picture alert={alert} />
      <div>
        <h3>
          {!alert.seen && <span class="badge warn">new</span>}{" "}
          {link ? (
            <Link href={link} onClickCapture={() => alert.seen || see([alert.id])}>
              {what}
            </Link>
          ) : (
            what
          )}
        </h3>
        <p>{[alert.rule_name, camera].filter(Boolean).join(" · ")}</p>
        <p class="soft">{alertTime(alert)}</p>
      </div>
      {!alert.seen && (
        <Button onClick={() => see([alert.id])} aria-label={`Mark as seen: ${what}, ${alertTime(alert)}`}>
          Mark as seen
        </Button>
      )}
    </li>
  );
}

/** Of its track; of a live stream that was not recorded (yet), the keyframe of that time: a JPEG, or an mp4. */
function Picture({ alert }: { alert: Alert }) {
  const { job_id, track: id, video_id, start_ms } = alert;
  const [track, setTrack] = useState<Track | null>(null);
  useEffect(() => {
    if (job_id) void findTrack(job_id, id, start_ms).then(setTrack);
  }, [job_id, id]);
  const fresh = Date.now() - alert.at_ms < FRESH_MS;
  if (!job_id) return <Poster src={`/api/v1/alerts/${alert.id}/picture`} film fresh={fresh} />;
  if (!track || !video_id) return <Poster src={null} />;
  return <Still job={job_id} track={id} video={video_id} at={track.best_ms / 1000} box={track.best_box} />;
}

function see(ids: readonly string[]): void {
  void markSeen(ids).catch((error) => toast(explain(error), "bad"));
}
