import assert from "node:assert/strict";
import { afterEach, mock, test } from "node:test";
import { RenditionRequest } from "./rendition.ts";
import { user } from "./session.ts";

const RUNNING = { id: "r", state: "running", links: { self: "/r" } };
const fetchOfNode = globalThis.fetch;

afterEach(() => {
  globalThis.fetch = fetchOfNode;
  mock.timers.reset();
});

/** The state of a rendition that was running, and that the service then answered with this, and then with "ready". */
async function after(status: number): Promise<string | undefined> {
  mock.timers.enable({ apis: ["setTimeout"] });
  user.value = null; // no token to be asked for
  const answers = [Response.json(RUNNING), new Response("", { status }), Response.json({ ...RUNNING, state: "ready" })];
  globalThis.fetch = async () => answers.shift() as Response;
  const request = new RenditionRequest("/r");
  await request.ask();
  for (let turn = 0; turn < 2; turn += 1) {
    mock.timers.tick(2000);
    await new Promise(setImmediate);
    await new Promise(setImmediate);
  }
  request.close();
  mock.timers.reset();
  return request.state.value?.state;
}

test("a rendition is followed past refusals and faults that pass", async () => {
  for (const status of [429, 500, 503]) assert.equal(await after(status), "ready", String(status));
});

test("a rendition that does not exist any more is not asked for again", async () => {
  assert.equal(await after(404), "running");
});

test("a rendition that is there is deleted and made anew, also where it is gone meanwhile", async () => {
  const asked: string[] = [];
  globalThis.fetch = async (_, init) => {
    const method = init?.method ?? "GET";
    asked.push(method);
    return method === "DELETE" ? new Response("", { status: 404 }) : Response.json({ ...RUNNING, state: "ready" });
  };
  const request = new RenditionRequest("/r");
  await request.askAnew({ labels: ["person"] });
  await request.askAnew({ labels: ["person"] });
  request.close();
  assert.deepEqual(asked, ["PUT", "DELETE", "PUT"]);
  assert.equal(request.problem.value, null);
});
