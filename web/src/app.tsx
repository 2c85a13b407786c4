import { useEffect, useRef } from "preact/hooks";
import { leaving, user } from "./api/session.ts";
import { path } from "./lib/router.ts";
import { AccountPage } from "./pages/account.tsx";
import { AlertsPage } from "./pages/alerts.tsx";
import { JobPage } from "./pages/job.tsx";
import { JobListPage } from "./pages/job-list.tsx";
import { LivePage } from "./pages/live.tsx";
import { MissingPage } from "./pages/missing.tsx";
import { SearchPage } from "./pages/search.tsx";
import { SignIn } from "./pages/sign-in.tsx";
import { StatusPage } from "./pages/status.tsx";
import { StreamPage } from "./pages/stream.tsx";
import { Offline, Shell } from "./shell.tsx";
import { Waiting } from "./ui/empty.tsx";
import { Toasts } from "./ui/toast.tsx";

const JOB = /^\/jobs\/([0-9a-f-]{36})$/;
const STREAM = /^\/live\/([0-9a-f-]{36})$/;
const TITLES: Record<string, string> = {
  "/account": "Account",
  "/alerts": "Alerts",
  "/live": "Live",
  "/search": "Search",
  "/status": "Status",
};

/** The web UI: at any address users sign in first, and then see the page. */
export function App() {
  return (
    <>
      <Content />
      <Toasts />
    </>
  );
}

function Content() {
  const who = user.value;
  const shown = path.value;
  useTitle(who ? titleOf(shown) : "Web-Detector", shown);
  if (who === undefined || leaving.value)
    return (
      <main class="opening">
        <Offline />
        <Waiting label="Loading the page" />
      </main>
    );
  if (who === null)
    return (
      <>
        <Offline />
        <SignIn />
      </>
    );
  return (
    <Shell bare={JOB.test(shown)}>
      <View path={shown} key={who.id} />
    </Shell>
  );
}

function View({ path: shown }: { path: string }) {
  const job = JOB.exec(shown)?.[1];
  if (job) return <JobPage id={job} key={job} />;
  const stream = STREAM.exec(shown)?.[1];
  if (stream) return <StreamPage id={stream} key={stream} />;
  if (shown === "/live") return <LivePage />;
  if (shown === "/alerts") return <AlertsPage />;
  if (shown === "/search") return <SearchPage />;
  if (shown === "/" || shown === "/jobs") return <JobListPage />;
  if (shown === "/status" && user.value?.role === "admin") return <StatusPage />;
  if (shown === "/account" || shown === "/tokens") return <AccountPage />;
  return <MissingPage />;
}

function titleOf(shown: string): string {
  // These pages set their own title.
  if (JOB.test(shown) || STREAM.test(shown)) return "Web-Detector";
  return `${TITLES[shown] ?? "Videos"} · Web-Detector`;
}

/** After navigation: set the title, and move the focus to the start, as after loading a page. */
function useTitle(title: string, shown: string): void {
  const before = useRef(shown);
  useEffect(() => {
    document.title = title;
    if (before.current === shown) return;
    before.current = shown;
    document.querySelector<HTMLElement>("main h1")?.focus({ preventScroll: true });
  }, [title, shown]);
}
