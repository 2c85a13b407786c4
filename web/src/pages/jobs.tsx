/** All jobs, and the way to send a video. */
export function JobsPage() {
  return <p>Jobs</p>;
}
