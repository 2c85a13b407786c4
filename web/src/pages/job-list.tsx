import { useEffect, useState } from "preact/hooks";
import { url } from "../api/client.ts";
import { explain } from "../api/errors.ts";
import { liveness } from "../api/event-stream.ts";
import { loadModels } from "../api/models.ts";
import type { Job } from "../api/types.ts";
import { JobRow } from "../job-list/job-row.tsx";
import { ask, failure, follow, jobParams, jobs, more, nextPage, query, reload, update } from "../job-list/job-store.ts";
import { GROUPS, type Group } from "../job-list/list-updates.ts";
import { VideosWithoutJob } from "../job-list/video-rows.tsx";
import { findVideosWithoutJob, markUsed, videosWithoutJob } from "../job-list/videos-without-job.ts";
import { many } from "../lib/format.ts";
import { rewriteQuery } from "../lib/router.ts";
import { Button } from "../ui/button.tsx";
import { CurlLine } from "../ui/curl.tsx";
import { Empty, Failure, Waiting } from "../ui/empty.tsx";
import { Icon } from "../ui/icons.tsx";
import { toast } from "../ui/toast.tsx";
import { Chooser } from "../upload/drop.tsx";
import { items, onStarted } from "../upload/queue.ts";
import { Uploads } from "../upload/upload-rows.tsx";

const GROUP_WORDS: Record<Group, string> = {
  all: "All",
  working: "In progress",
  done: "Completed",
  stopped: "Failed or cancelled",
};

/** The list of jobs, with uploads. */
export function JobListPage() {
  useEffect(() => {
    const params = new URLSearchParams(location.search);
    const group = params.get("show") as Group;
    void ask({ search: params.get("search") ?? "", group: group in GROUPS ? group : "all" });
    loadModels().catch(() => undefined);
    const started = (job: Job) => {
      markUsed(job.video_id);
      update(job);
    };
    onStarted.add(started);
    const unfollow = follow();
    return () => {
      onStarted.delete(started);
      unfollow();
    };
  }, []);
  const known = jobs.value !== null;
  useEffect(() => {
    if (known) findVideosWithoutJob().catch(() => undefined);
  }, [known]);
  const { search, group } = query.value;
  const filtered = search !== "" || group !== "all";
  const nothing = known && !jobs.value?.length && !filtered && !videosWithoutJob.value.length && !items.value.length;
  return (
    <>
      <h1 tabIndex={-1}>Videos</h1>
      <Chooser big={nothing} />
      <Uploads />
      <VideosWithoutJob />
      {!nothing && <Filter />}
      <List filtered={filtered} nothing={nothing} />
      <CurlLine path={url("/api/v1/jobs", jobParams(query.value))} />
    </>
  );
}

function Filter() {
  const [text, setText] = useState(query.value.search);
  const change = (part: Partial<typeof query.value>) => {
    const next = { ...query.value, ...part };
    const params = new URLSearchParams();
    if (next.search) params.set("search", next.search);
    if (next.group !== "all") params.set("show", next.group);
    rewriteQuery(params);
    void ask(next);
  };
  useEffect(() => {
    if (text.trim() === query.value.search) return;
    const timer = setTimeout(() => change({ search: text.trim() }), 300);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <search class="filter">
      <label class="search">
        <span class="unseen">Search by name</span>
        <Icon name="search" />
        <input
          type="search"
          placeholder="Search by name"
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </label>
      <fieldset class="segments">
        <legend class="unseen">Show</legend>
        {(Object.keys(GROUPS) as Group[]).map((group) => (
          <label key={group}>
            <input type="radio" name="group" checked={query.value.group === group} onChange={() => change({ group })} />
            <span>{GROUP_WORDS[group]}</span>
          </label>
        ))}
      </fieldset>
      {liveness.value === "polling" && <p class="soft">Updates every 5 s</p>}
    </search>
  );
}

function List({ filtered, nothing }: { filtered: boolean; nothing: boolean }) {
  const [busy, setBusy] = useState(false);
  const list = jobs.value;
  if (!list && failure.value)
    return <Failure title="The list could not be loaded" detail={failure.value} onRetry={() => void reload()} />;
  if (!list) return <Waiting label="Loading the list" />;
  if (nothing) return null;
  if (!list.length)
    return filtered ? (
      <Empty icon="search" title="No matching videos">
        <p>No video matches this name and state. Shorten the search, or show all.</p>
      </Empty>
    ) : null;
  const showMore = async () => {
    setBusy(true);
    await more().catch((error) => toast(explain(error), "bad"));
    setBusy(false);
  };
  return (
    <>
      <ul class="jobs" aria-label="Analysed videos">
        {list.map((job) => (
          <JobRow job={job} key={job.id} />
        ))}
      </ul>
      <p class="more">
        <span class="soft">{nextPage.value ? `The newest ${list.length}` : many(list.length, "job")}</span>
        {nextPage.value && (
          <Button busy={busy} onClick={showMore}>
            Show more
          </Button>
        )}
      </p>
    </>
  );
}
