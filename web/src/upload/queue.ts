// The upload queue. Two uploads run at a time, and continue on other pages.
import { computed, effect, type Signal, signal } from "@preact/signals";
import { backoff, pause } from "../api/connection.ts";
import { ApiError, explain } from "../api/errors.ts";
import { user } from "../api/session.ts";
import type { Job } from "../api/types.ts";
import { announce } from "../ui/toast.tsx";
import type { Form } from "./options.ts";
import { Speed } from "./speed.ts";
import { optionsOf, setOptionsOf, startJob, usual } from "./start-job.ts";
import { Transfer } from "./transfer.ts";
import type { Phase, State } from "./upload-state.ts";

export interface Item {
  key: number;
  file: File;
  state: Signal<State>;
  /** Its own options; null for the defaults at the time of the start. */
  form: Signal<Form | null>;
  /** Its job is not started while its options dialog is open. */
  held: Signal<boolean>;
  transfer: Transfer;
}

const AT_ONCE = 2;
const SHOWN_EVERY_MS = 200;
/** Remove it from the queue; the list of jobs shows it. */
const STARTED_SHOWN_MS = 8000;

export const items = signal<Item[]>([]);
/** Unfinished items. */
export const active = computed(() =>
  items.value.filter(({ state }) => !["started", "failed"].includes(state.value.phase)),
);
/** Called with each started job. */
export const onStarted = new Set<(job: Job) => void>();

let last = 0;

/** Add files, except those already in the queue; returns the names of files that cannot be uploaded. */
export function add(files: Iterable<File>): string[] {
  const refused: string[] = [];
  for (const file of files) {
    const same = (one: Item) => one.file.name === file.name && one.file.size === file.size;
    if (file.size === 0) refused.push(file.name);
    else if (!active.value.some((one) => same(one) && one.file.lastModified === file.lastModified))
      items.value = [...items.value, made(file)];
  }
  next();
  return refused;
}

export function pauseItem(item: Item): void {
  set(item, { phase: "paused", rate: null });
  void item.transfer.pause();
  next();
}

export function resumeItem(item: Item): void {
  set(item, { phase: "waiting", reason: "" });
  next();
}

/** Set options for this file. */
export function setForm(item: Item, form: Form): void {
  item.form.value = form;
  setOptionsOf(item.file, form);
}

export async function cancelItem(item: Item): Promise<void> {
  remove(item);
  setOptionsOf(item.file, null);
  await item.transfer.cancel();
}

export function remove(item: Item): void {
  items.value = items.value.filter((one) => one !== item);
  next();
}

/** Start the job of a complete upload, unless its options dialog is open. */
export async function begin(item: Item): Promise<void> {
  const { phase, videoId } = item.state.value;
  if (phase !== "arrived" || !videoId || item.held.value) return;
  for (let tries = 1; ; tries += 1) {
    try {
      const job = await startJob(videoId, item.form.value ?? usual.value, videoId);
      set(item, { phase: "started", job, reason: "" });
      announce(`${item.file.name} is uploaded and being analysed`);
      for (const tell of onStarted) tell(job);
      setOptionsOf(item.file, null);
      setTimeout(() => remove(item), STARTED_SHOWN_MS);
      return;
    } catch (error) {
      const again = error instanceof ApiError && (error.status === 0 || error.status >= 500);
      set(item, { reason: explain(error) });
      if (!again) return;
      await pause(backoff(tries));
    }
  }
}

function made(file: File): Item {
  last += 1;
  const state = signal<State>({ phase: "waiting", sent: 0, rate: null, reason: "", videoId: null, job: null });
  const speed = new Speed();
  let shown = 0;
  let tries = 0;
  const item: Item = {
    key: last,
    file,
    state,
    form: signal(optionsOf(file)),
    held: signal(false),
    transfer: undefined as never,
  };
  item.transfer = new Transfer(file, {
    progress(sent) {
      tries = 0;
      const now = performance.now();
      if (now - shown < SHOWN_EVERY_MS && sent < file.size) return;
      shown = now;
      speed.add(now, sent);
      if (state.value.phase === "sending") set(item, { sent, rate: speed.rate() });
    },
    done(videoId) {
      set(item, { phase: "arrived", sent: file.size, rate: null, videoId });
      next();
      void begin(item);
    },
    stopped(reason, again) {
      speed.reset();
      set(item, { phase: again ? "broken" : "failed", rate: null, reason });
      if (!again) announce(`${file.name} could not be uploaded`);
      next();
      tries += 1;
      if (again)
        void pause(backoff(tries)).then(() => {
          if (state.value.phase === "broken") resumeItem(item);
        });
    },
  });
  return item;
}

function set(item: Item, change: Partial<State>): void {
  item.state.value = { ...item.state.value, ...change };
}

function next(): void {
  const inPhase = (phase: Phase) => items.value.filter(({ state }) => state.value.phase === phase);
  for (const item of inPhase("waiting").slice(0, Math.max(0, AT_ONCE - inPhase("sending").length))) {
    set(item, { phase: "sending" });
    item.transfer.start().catch((error) => set(item, { phase: "failed", reason: explain(error) }));
  }
}

// Signing out clears the queue, so that it does not hold back the page that is loaded anew.
effect(() => {
  if (user.value !== null) return;
  for (const { transfer } of items.peek()) void transfer.pause();
  items.value = [];
});

addEventListener("beforeunload", (event) => {
  if (items.peek().some(({ state }) => ["sending", "broken", "waiting"].includes(state.peek().phase)))
    event.preventDefault();
});
