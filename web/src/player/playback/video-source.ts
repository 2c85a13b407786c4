// What to play: the file itself, else a copy that is made for it.
import { useEffect, useMemo, useState } from "preact/hooks";
import { request } from "../../api/client.ts";
import { pause } from "../../api/connection.ts";
import { RenditionRequest } from "../../api/rendition.ts";
import type { Video } from "../../api/types.ts";
import { mayPlay } from "./playable.ts";

const RETRY_MS = 2000;
/** Failures that lie further apart than this have nothing to do with each other. */
const RECENT_MS = 60_000;

export interface Source {
  /** Null while there is nothing that can be played. */
  url: string | null;
  /** The browser gave up on it. */
  unplayable: () => void;
  copy: RenditionRequest;
}

interface SourceState {
  kind: "original" | "copy" | "none";
  /** Counts up to have the same file loaded again. */
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

/** A file that is there and fails twice in a row cannot be played; otherwise it is loaded again. */
function after(now: SourceState, there: boolean, time: number): SourceState {
  const again = { ...now, loads: now.loads + 1, failedAt: there ? time : now.failedAt };
  if (!there || time - now.failedAt > RECENT_MS) return again;
  return { ...again, kind: now.kind === "original" ? "copy" : "none", failedAt: Number.NEGATIVE_INFINITY };
}

/** Whether the file can be had. A session that ran out ends a video like a bad file does; asking renews it. */
async function reachable(address: string): Promise<boolean> {
  try {
    await request("GET", address, { headers: { Range: "bytes=0-0" } });
    return true;
  } catch {
    return false;
  }
}
