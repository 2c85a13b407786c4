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
};

/** What went wrong with the camera, and what to do. */
export function cameraProblem(error: unknown): string {
  const name = error instanceof Error ? error.name : "";
  return PROBLEMS[name] ?? `The camera could not be started: ${error instanceof Error ? error.message : String(error)}`;
}

/** Start a camera. device: null for the browser's choice. Throws a DOMException. */
export function openCamera(device: string | null): Promise<MediaStream> {
  const size = { width: { ideal: 1280 }, height: { ideal: 720 } };
  const choice = device ? { deviceId: { exact: device } } : { facingMode: { ideal: "environment" } };
  return navigator.mediaDevices.getUserMedia({ video: { ...size, ...choice }, audio: false });
}

/** The cameras of this device; their names are known after one was allowed. */
export async function cameras(): Promise<MediaDeviceInfo[]> {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices.filter(({ kind }) => kind === "videoinput");
}
