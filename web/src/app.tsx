import { path } from "./lib/router.ts";
import { JobPage } from "./pages/job.tsx";
import { JobsPage } from "./pages/jobs.tsx";

/** The page for the path of now. */
export function App() {
  const job = /^\/jobs\/([0-9a-f-]{36})$/.exec(path.value)?.[1];
  return job ? <JobPage id={job} key={job} /> : <JobsPage />;
}
