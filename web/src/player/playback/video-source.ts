// The source of the video: the original file, or else a playable copy.
import { useEffect, useMemo, useState } from "preact/hooks";
import { request } from "../../api/client.ts";
import { pause } from "../../api/connection.ts";
import { RenditionRequest } from "../../api/rendition.ts";
import type { Video } from "../../api/types.ts";
import { mayPlay } from "./playable.ts";

const RETRY_MS = 2000;
/** Failures further apart than this are unrelated. */
const RECENT_MS = 60_000;

export interface Source {
  /** Null while nothing can be played. */
  url: string | null;
  /** Called when the browser cannot play it. */
  unplayable: () => void;
  copy: RenditionRequest;
}

interface SourceState {
  kind: "original" | "copy" | "none";
  /** Incremented to reload the same file. */
  loads: number;
  failedAt: number;
}

export function useSource({ id, media }: Video): Source {
  const copy = useMemo(() => new RenditionRequest(`/api/v1/videos/${id}/renditions/playable`), [id]);
  const [state, setState] = useState<SourceState>(() => {
    const plays = mayPlay(media, (type) => document.createElement("video").canPlayType(type));
    return { kind: plays ? "original" : "copy", loads: 0, failedAt: Number.NEGATIVE_INFINITY };
  });
  const ready = copy.state.value?.state === "ready" ? copy.state.value.links.content : null;
  const address = { original: `/api/v1/videos/${id}/content`, copy: ready, none: null }[state.kind];
  useEffect(() => () => copy.close(), [copy]);
  useEffect(() => {
    if (state.kind === "copy") void copy.ask();
  }, [state.kind, copy]);
  const unplayable = async () => {
    if (!address) return;
    const there = await reachable(address);
    if (!there) await pause(RETRY_MS);
    setState((now) => after(now, there, performance.now()));
  };
  const url = address && state.loads ? `${address}#${state.loads}` : address;
  return { url, unplayable: () => void unplayable(), copy };
}

/** A reachable file that fails twice in a row is unplayable; otherwise it is reloaded. */
function after(now: SourceState, there: boolean, time: number): SourceState {
  const again = { ...now, loads: now.loads + 1, failedAt: there ? time : now.failedAt };
  if (!there || time - now.failedAt > RECENT_MS) return again;
  return { ...again, kind: now.kind === "original" ? "copy" : "none", failedAt: Number.NEGATIVE_INFINITY };
}

/** Whether the file is reachable. An expired session looks like a broken file; this request renews it. */
async function reachable(address: string): Promise<boolean> {
  try {
    await request("GET", address, { headers: { Range: "bytes=0-0" } });
    return true;
  } catch {
    return false;
  }
}
