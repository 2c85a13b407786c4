/** One job: the video with its boxes, the timeline, the summary. */
export function JobPage({ id }: { id: string }) {
  return <p>Job {id}</p>;
}
