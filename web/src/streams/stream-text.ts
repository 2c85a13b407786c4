// States of streams in words, and what to do about them. Pure.
import type { Recording, Stream, StreamKind, StreamNow, StreamState } from "../api/stream-types.ts";

export type StreamTone = "good" | "busy" | "warn" | "bad" | "idle";

export interface Told {
  tone: StreamTone;
  /** The state in a word or two. */
  state: string;
  /** What is wrong, null where nothing is. */
  title: string | null;
  /** What to do. */
  advice: string | null;
  /** The action that helps. */
  help: "edit" | "start" | "send" | null;
}

export const KIND_WORDS: Record<StreamKind, string> = {
  webrtc: "Camera of a device",
  rtsp: "Network camera",
  http: "Network camera",
  video: "Stored video",
  push: "Pushed images",
};

const STATES: Record<StreamState, [string, StreamTone]> = {
  connecting: ["Connecting", "busy"],
  live: ["Live", "good"],
  reconnecting: ["Reconnecting", "warn"],
  stopped: ["Stopped", "idle"],
  failed: ["Failed", "bad"],
};

type Help = Told["help"];
/** For each reason: what is wrong, what to do, which action helps. */
const REASONS: Record<string, [string, string, Help]> = {
  no_ingest: [
    "No service reads it",
    "No ingest process is running, or none has taken this stream yet. If this stays, ask the operator.",
    null,
  ],
  unreachable: [
    "The camera does not answer",
    "Check that it is switched on and in the network, and that address and port are right.",
    "edit",
  ],
  unauthorized: ["Wrong user name or password", "Edit the camera and enter them again.", "edit"],
  not_allowed: ["Address not allowed", "The operator must add the camera's network to STREAM_ALLOW_NETWORKS.", "edit"],
  not_a_stream: [
    "No video at this address",
    "Something else answers there. Look in the camera's manual for the address of its stream.",
    "edit",
  ],
  unsupported_codec: ["Video of an unknown kind", "Set the camera to H.264, H.265 or MJPEG.", null],
  lost: ["Connection lost", "The source ended or closed the connection. It is tried again automatically.", null],
  silent: ["No pictures come", "The source is connected, but sends nothing. It is tried again automatically.", null],
  ice_failed: [
    "No way for the video",
    "The network between this browser and the service blocks it. Try the same network, or ask the operator for a TURN " +
      "server and open UDP ports.",
    "send",
  ],
  source_missing: ["The stored video was deleted", "Delete this stream, and add another one.", null],
  source_broken: ["The source cannot be read", "Its data is damaged. It is tried again automatically.", null],
};

const WAITING: Record<string, [string, string, Help]> = {
  webrtc: ["No camera is sending", "Send from this device, or open this page on the device with the camera.", "send"],
  push: ["No image came yet", "Post JPEG images to it; Edit shows the command.", null],
};

const PATIENCE_MS = 8000;

/** A stream's state as a user reads it. seen: its newest state, where a socket tells a newer one than the list. */
export function told(
  stream: Stream,
  seen: Pick<Stream, "state" | "reason" | "detail"> = stream,
  now = Date.now(),
): Told {
  const [state, tone] = STATES[seen.state] ?? [seen.state, "idle" as const];
  if (seen.state === "stopped") return { tone, state, title: "Stopped", advice: null, help: "start" };
  if (seen.state === "live") return { tone, state, title: null, advice: null, help: null };
  const reason = seen.reason ?? "";
  const known = (reason === "waiting_for_sender" ? WAITING[stream.kind] : undefined) ?? REASONS[reason];
  // A stream is taken within a second or two; a device that is to send may take longer.
  const isNew = now - Date.parse(stream.started_at) < PATIENCE_MS;
  if (reason === "no_ingest" && isNew) return { tone, state, title: "Connecting…", advice: null, help: null };
  const { detail } = seen;
  const failed = seen.state === "failed";
  if (!known)
    return { tone, state, title: failed || detail ? state : null, advice: detail, help: failed ? "start" : null };
  const [title, advice, help] = known;
  const waits = reason === "waiting_for_sender";
  const again = failed && help === null && reason !== "source_missing" ? "start" : help;
  return { tone: waits ? "idle" : tone, state: waits ? "Waiting" : state, title, advice, help: again };
}

const STORAGE: Record<string, string> = {
  storage_full: "Not recorded: the storage is full. Delete recordings, or shorten their retention.",
};

type Running = Pick<StreamNow, "detector_error" | "recording_error"> & { detector?: string | null | undefined };

/** What is wrong with a stream that is live; empty where nothing is. detector: undefined where it is not known. */
export function troubles(stream: Pick<Stream, "record">, live: Running): string[] {
  const found: string[] = [];
  const { detector, detector_error: refused, recording_error: error } = live;
  if (refused) found.push(`Nothing is detected: ${refused.detail}`);
  else if (detector === null) found.push("No boxes yet: no detector has taken the stream.");
  if (stream.record && error) found.push(STORAGE[error] ?? `Not recorded: ${error.replaceAll("_", " ")}.`);
  return found;
}

const DROPS: Record<string, string> = {
  network: "lost in the network",
  transport: "trimmed unread",
  behind: "detector too slow",
};

/** "12 lost in the network · 3 ...", empty without drops. */
export function dropWords(dropped: Record<string, number>): string {
  return Object.entries(dropped)
    .filter(([, count]) => count > 0)
    .map(([reason, count]) => `${count.toLocaleString()} ${DROPS[reason] ?? reason}`)
    .join(" · ");
}

const ENDS: Record<string, string> = {
  rolled: "",
  stopped: "stopped",
  lost: "the source was lost",
  codec_changed: "the picture's format changed",
  storage_full: "the storage was full",
  handed_over: "another reading service went on",
  ingest_lost: "the reading service ended unexpectedly",
};

const RECORDING_STATES: Record<Recording["state"], string> = {
  open: "Recording",
  closed: "Being filed",
  filed: "",
  failed: "Could not be filed",
};

/** What else is to say of a recording: its state with what is wrong, or why it ended early; empty where nothing is. */
export function recordingWords({ state, reason, error }: Pick<Recording, "state" | "reason" | "error">): string {
  const words = RECORDING_STATES[state];
  return words && error ? `${words}: ${error.detail}` : words || (ENDS[reason ?? ""] ?? "");
}
