// What a WHIP client asks for, and reads of an answer. Pure.

export interface Codec {
  mimeType: string;
  sdpFmtpLine?: string;
}

/** Codecs in the order of preference: H.264 first, in which one packet holds a part of a frame only. */
export function preferred<T extends Codec>(codecs: readonly T[]): T[] {
  const rank = ({ mimeType, sdpFmtpLine = "" }: T) => {
    if (mimeType.toLowerCase() !== "video/h264") return 2;
    return sdpFmtpLine.includes("packetization-mode=1") ? 0 : 1;
  };
  return codecs.toSorted((a, b) => rank(a) - rank(b));
}

/** ICE servers of the Link headers of a WHIP answer (RFC 9725, 4.6). */
export function iceServers(link: string | null): RTCIceServer[] {
  return (link ?? "").split(/,\s*(?=<)/).flatMap((part) => {
    const [, urls, rest = ""] = /^<([^>]+)>(.*)$/.exec(part.trim()) ?? [];
    const field = (name: string) => new RegExp(`;\\s*${name}="?([^";]*)"?`, "i").exec(rest)?.[1];
    if (!urls || field("rel") !== "ice-server") return [];
    const [username, credential] = [field("username"), field("credential")];
    return [{ urls, ...(username ? { username } : {}), ...(credential ? { credential } : {}) }];
  });
}
