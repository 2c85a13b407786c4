// The camera of this device, and why it cannot be used.

/** Why this page cannot use a camera at all; null where it may. */
export function cameraUnusable({
  isSecureContext,
  origin,
}: {
  isSecureContext: boolean;
  origin: string;
}): string | null {
  if (isSecureContext) return null;
  return (
    `Browsers give the camera only to pages with https or on the same machine. This page is at ${origin}: open it with ` +
    "https (the operator's guide says how), or on the machine of the service at http://127.0.0.1 with the same port."
  );
}

const PROBLEMS: Record<string, string> = {
  NotAllowedError:
    "The browser or the system does not allow the camera. Allow it for this page (the icon beside the address), and in " +
    "the privacy settings of the system.",
  NotFoundError: "No camera was found. Connect one, and try again.",
  NotReadableError: "The camera is used by another program, or does not answer. Close that program, and try again.",
  OverconstrainedError: "This camera is no longer there. Choose another one.",
  SecurityError: "The browser does not give the camera to this page. The operator's proxy may forbid it.",
  AbortError: "The camera could not be started. Try again.",
  NoWebRTC: "This browser cannot send video: it has no WebRTC. Use another one on this device.",
  NoH264:
    "This browser cannot send H.264. Firefox fetches the encoder for it (OpenH264) in the minutes after its first " +
    "start: try again then, or use another browser.",
};

/** What went wrong with the camera, or with sending it, and what to do. */
export function cameraProblem(error: unknown): string {
  const name = error instanceof Error ? error.name : "";
  return PROBLEMS[name] ?? `The camera could not be started: ${error instanceof Error ? error.message : String(error)}`;
}

/** Start a camera. device: null for the browser's choice. Throws what cameraProblem explains. */
export async function openCamera(device: string | null): Promise<MediaStream> {
  await checkSending();
  const size = { width: { ideal: 1280 }, height: { ideal: 720 } };
  const choice = device ? { deviceId: { exact: device } } : { facingMode: { ideal: "environment" } };
  return navigator.mediaDevices.getUserMedia({ video: { ...size, ...choice }, audio: false });
}

/** The cameras of this device; their names are known after one was allowed. */
export async function cameras(): Promise<MediaDeviceInfo[]> {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices.filter(({ kind }) => kind === "videoinput");
}

/** Throws where this browser cannot send what the service takes. Told before the camera is asked for. */
async function checkSending(): Promise<void> {
  if (!("RTCPeerConnection" in globalThis)) throw named("NoWebRTC");
  const peer = new RTCPeerConnection();
  try {
    peer.addTransceiver("video", { direction: "sendonly" });
    // Not getCapabilities: an offer waits for encoders that are loaded when they are needed.
    const { sdp = "" } = await peer.createOffer();
    if (!/ H264\/90000/i.test(sdp)) throw named("NoH264");
  } finally {
    peer.close();
  }
}

function named(name: string): Error {
  return Object.assign(new Error(name), { name });
}
