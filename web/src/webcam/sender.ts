// Cameras of this device that are being sent: they go on while other pages of the web UI are shown.
import { signal } from "@preact/signals";
import { api } from "../api/client.ts";
import { backoff, pause } from "../api/connection.ts";
import { ApiError, explain } from "../api/errors.ts";
import type { Stream } from "../api/stream-types.ts";
import { switchOff } from "./held-camera.ts";
import { IceFailed, WhipSession } from "./whip.ts";

export interface Sending {
  state: "connecting" | "sending" | "failed";
  problem: string | null;
  camera: MediaStream;
}

/** What is sent from this page, by stream. */
export const sending = signal<ReadonlyMap<string, Sending>>(new Map());

const controllers = new Map<string, AbortController>();

const ICE_PROBLEM =
  "The video finds no way to the service. Try the same network as the service; else the operator must open its UDP " +
  "ports (WEBRTC_UDP_PORTS, WEBRTC_HOSTS) or name a TURN server.";

/** Send a camera to a stream until it is ended; lost connections are made again. */
export function sendCamera(stream: string, camera: MediaStream, maxFps: number | null): void {
  stopSending(stream);
  const controller = new AbortController();
  controllers.set(stream, controller);
  const track = camera.getVideoTracks()[0] as MediaStreamTrack;
  track.addEventListener("ended", () => {
    if (controller.signal.aborted) return;
    controller.abort();
    tell(stream, { state: "failed", problem: "The camera was disconnected. Connect it, and send again.", camera });
  });
  addEventListener("pagehide", () => controller.abort(), { signal: controller.signal });
  void keepSending(stream, camera, track, maxFps, controller.signal);
}

export function stopSending(stream: string): void {
  controllers.get(stream)?.abort();
  controllers.delete(stream);
  switchOff(sending.value.get(stream)?.camera ?? null);
  const rest = new Map(sending.value);
  if (rest.delete(stream)) sending.value = rest;
}

async function keepSending(
  stream: string,
  camera: MediaStream,
  track: MediaStreamTrack,
  maxFps: number | null,
  signal: AbortSignal,
): Promise<void> {
  tell(stream, { state: "connecting", problem: null, camera });
  for (let tries = 1; !signal.aborted; tries += 1) {
    try {
      const session = await WhipSession.begin(stream, track, maxFps);
      if (!signal.aborted) tell(stream, { state: "sending", problem: null, camera });
      await Promise.race([session.lost(), aborted(signal)]);
      await session.end();
      if (signal.aborted) return;
      // A new session replaces the one before: two devices that each send again would go on for ever.
      if (await isLive(stream)) {
        tell(stream, { state: "failed", problem: "Another device sends now. Send again to take over.", camera });
        return switchOff(camera);
      }
      tell(stream, { state: "connecting", problem: null, camera });
      tries = 0;
    } catch (error) {
      if (signal.aborted) return;
      tell(stream, { state: "failed", problem: error instanceof IceFailed ? ICE_PROBLEM : explain(error), camera });
      if (error instanceof ApiError && isFinal(error)) return switchOff(camera);
    }
    if (!signal.aborted) await pause(backoff(Math.max(1, tries)), signal);
  }
}

/** Whether trying again changes nothing. */
function isFinal({ status }: ApiError): boolean {
  return status >= 400 && status < 500 && ![408, 429].includes(status);
}

async function isLive(stream: string): Promise<boolean> {
  const { state } = await api.get<Stream>(`/api/v1/streams/${stream}`);
  return state === "live";
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function tell(stream: string, state: Sending): void {
  sending.value = new Map(sending.value).set(stream, state);
}
