import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { user } from "../api/session.ts";
import { LiveJob } from "./live-job.ts";

const JOB = { id: "a", state: "running" };
const fetchOfNode = globalThis.fetch;

afterEach(() => {
  globalThis.fetch = fetchOfNode;
});

/** A job of a service that answers so, in turn; it was loaded with the first answer. */
async function loaded(...answers: Response[]): Promise<LiveJob> {
  user.value = null; // no token to be asked for
  globalThis.fetch = async () => answers.shift() as Response;
  const live = new LiveJob("a");
  await new Promise((done) => {
    live.job.subscribe((job) => job && done(job));
  });
  return live;
}

test("a job that was deleted is not shown any more", async () => {
  const live = await loaded(Response.json(JOB), Response.json({ detail: "No such job." }, { status: 404 }));
  await live.look();
  assert.equal(live.problem.value?.status, 404);
  live.close();
});

test("a job stays while it cannot be loaded again", async () => {
  const live = await loaded(Response.json(JOB), new Response("", { status: 503 }));
  await live.look();
  assert.deepEqual([live.job.value?.state, live.problem.value], ["running", null]);
  live.close();
});
