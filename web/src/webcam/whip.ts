// A WHIP client (RFC 9725): sends the camera of this device to a stream.
import { request } from "../api/client.ts";
import { iceServers, preferred } from "./negotiation.ts";

const GATHER_MS = 2000;
const CONNECT_MS = 15_000;

/** Media found no way between browser and service. */
export class IceFailed extends Error {}

export class WhipSession {
  readonly #peer: RTCPeerConnection;
  #location: string | null = null;

  private constructor(peer: RTCPeerConnection) {
    this.#peer = peer;
  }

  /** Connect a camera to a stream. Throws ApiError where the service refuses, IceFailed where no media gets through. */
  static async begin(stream: string, track: MediaStreamTrack, maxFps: number | null): Promise<WhipSession> {
    const path = `/api/v1/streams/${stream}/whip`;
    const session = new WhipSession(new RTCPeerConnection({ iceServers: await serversOf(path) }));
    try {
      const answer = await session.#offer(path, track, maxFps);
      await session.#peer.setRemoteDescription({ type: "answer", sdp: answer });
      await session.#connected();
      return session;
    } catch (error) {
      await session.end();
      throw error;
    }
  }

  /** Resolves when the connection is lost. */
  lost(): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (this.#peer.connectionState === "failed" || this.#peer.connectionState === "closed") resolve();
      };
      this.#peer.addEventListener("connectionstatechange", look);
      look();
    });
  }

  async end(): Promise<void> {
    this.#peer.close();
    const location = this.#location;
    this.#location = null;
    // Where the service does not answer, it ends the session itself. keepalive: the page may be closing.
    if (location) await request("DELETE", location, { keepalive: true }).catch(() => undefined);
  }

  async #offer(path: string, track: MediaStreamTrack, maxFps: number | null): Promise<string> {
    const encoding = maxFps ? { maxFramerate: maxFps } : {};
    const transceiver = this.#peer.addTransceiver(track, { direction: "sendonly", sendEncodings: [encoding] });
    try {
      transceiver.setCodecPreferences(preferred(RTCRtpSender.getCapabilities("video")?.codecs ?? []));
    } catch {
      // An older browser: it chooses itself.
    }
    await this.#peer.setLocalDescription(await this.#peer.createOffer());
    await gathered(this.#peer);
    const answer = await request("POST", path, {
      body: this.#peer.localDescription?.sdp ?? "",
      headers: { "Content-Type": "application/sdp" },
    });
    const location = answer.headers.get("Location");
    // The path alone: a proxy may have told another host.
    this.#location = location ? new URL(location, globalThis.location.origin + path).pathname : null;
    return answer.text();
  }

  #connected(): Promise<void> {
    const peer = this.#peer;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new IceFailed()), CONNECT_MS);
      const look = () => {
        if (peer.connectionState === "connected") resolve();
        else if (peer.connectionState === "failed") reject(new IceFailed());
        else return;
        clearTimeout(timer);
      };
      peer.addEventListener("connectionstatechange", look);
      look();
    });
  }
}

/** The service's ICE servers, none where it names none. */
async function serversOf(path: string): Promise<RTCIceServer[]> {
  const answer = await request("OPTIONS", path).catch(() => null);
  return iceServers(answer?.headers.get("Link") ?? null);
}

/** Waits until all addresses of this browser are known, or for a while. */
function gathered(peer: RTCPeerConnection): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, GATHER_MS);
    const look = () => {
      if (peer.iceGatheringState !== "complete") return;
      clearTimeout(timer);
      resolve();
    };
    peer.addEventListener("icegatheringstatechange", look);
    look();
  });
}
