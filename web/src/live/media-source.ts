// Which kind of media source plays a stream. Safari has ManagedMediaSource, on iPhones no other one.

export type SourceKind = typeof MediaSource;

export interface SourceKinds {
  ManagedMediaSource?: SourceKind | undefined;
  MediaSource?: SourceKind | undefined;
}

/** The kind that plays a codec, null where none does. Where a browser has both, the managed one saves its battery. */
export function sourceKind(mime: string, kinds: SourceKinds = globalThis as SourceKinds): SourceKind | null {
  const found = [kinds.ManagedMediaSource, kinds.MediaSource].find((kind) => kind?.isTypeSupported(mime));
  return found ?? null;
}

/** Let a video element play a media source. Returns the address, to be revoked. */
export function attachSource(video: HTMLVideoElement, source: MediaSource): string {
  const address = URL.createObjectURL(source);
  // Without this, or another source for AirPlay, a managed one never opens. It has to come first.
  video.disableRemotePlayback = true;
  video.src = address;
  return address;
}
