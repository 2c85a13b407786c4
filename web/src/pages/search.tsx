// Search over the tracks of all videos.
import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import { url } from "../api/client.ts";
import type { Hit } from "../api/track-types.ts";
import { count } from "../lib/format.ts";
import { navigate, rewriteQuery } from "../lib/router.ts";
import { SearchForm } from "../search/form.tsx";
import { closeHitClips } from "../search/hit-clips.ts";
import { hitSource } from "../search/hit-source.ts";
import { apiParams, filtersSet, type Query, readQuery, writeQuery } from "../search/query.ts";
import { ChooseButton, ReelBar } from "../search/reel-bar.tsx";
import { Wall } from "../search/wall.tsx";
import { Button } from "../ui/button.tsx";
import { CurlLine } from "../ui/curl.tsx";
import { Empty, Failure, Waiting } from "../ui/empty.tsx";
import "../search/search.css";

const TIME_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
const NONE: readonly Hit[] = [];
const WIDE = matchMedia("(min-width: 800px)");

export function SearchPage() {
  const [query, setQuery] = useState(() => readQuery(new URLSearchParams(location.search)));
  const params = apiParams(query, TIME_ZONE);
  useEffect(() => hitSource.ask(params), [JSON.stringify(params)]);
  useEffect(() => closeHitClips, []);
  useLayoutEffect(() => scrollTo(0, hitSource.scrolled), []);
  const change = (part: Partial<Query>) => {
    const next = { ...query, ...part };
    rewriteQuery(writeQuery(next));
    setQuery(next);
  };
  const filters = filtersSet(query);
  return (
    <>
      <h1 tabIndex={-1}>Search</h1>
      <details class="search-form card" open={WIDE.matches}>
        <summary>Filters{filters ? ` (${filters})` : ""}</summary>
        <SearchForm query={query} hits={hitSource.hits.value ?? NONE} onChange={change} />
      </details>
      <Status query={query} onChange={change} />
      <ReelBar />
      <Results filtered={filters > 0} onRetry={() => hitSource.ask(params, true)} />
      <CurlLine path={url("/api/v1/search", params)} />
    </>
  );
}

function Status({ query, onChange }: { query: Query; onChange(part: Partial<Query>): void }) {
  const hits = hitSource.hits.value;
  const words = hits ? `${count(hits.length)}${hitSource.more.value ? " or more" : ""} found` : "Searching…";
  return (
    <div class="search-status">
      <p role="status">{hitSource.problem.value && !hits ? "" : words}</p>
      <span class="spring" />
      <ChooseButton />
      <Button
        icon="bell"
        onClick={() => navigate(`/alerts?${new URLSearchParams([["new", ""], ...writeQuery(query)])}`)}
      >
        Save as alert
      </Button>
      <label class="row">
        <span>Order</span>
        <select value={query.sort} onChange={(event) => onChange({ sort: event.currentTarget.value as Query["sort"] })}>
          <option value="newest">newest first</option>
          <option value="score">most confident first</option>
        </select>
      </label>
    </div>
  );
}

function Results({ filtered, onRetry }: { filtered: boolean; onRetry(): void }) {
  const hits = hitSource.hits.value;
  const problem = hitSource.problem.value;
  if (!hits && problem) return <Failure title="The search failed" detail={problem} onRetry={onRetry} />;
  if (!hits) return <Waiting label="Searching" />;
  if (!hits.length && !problem)
    return (
      <Empty icon="search" title={filtered ? "Nothing found" : "Nothing to search yet"}>
        <p>
          {filtered
            ? "Leave out a filter, or make it wider."
            : "Objects that are followed through the frames of your videos appear here when their jobs have ended."}
        </p>
      </Empty>
    );
  return (
    <>
      <Wall
        hits={hits}
        onEnd={() => hitSource.showMore()}
        onOpen={(top) => {
          hitSource.scrolled = top;
        }}
      />
      {problem && <Failure title="More could not be loaded" detail={problem} onRetry={() => hitSource.showMore()} />}
    </>
  );
}
