import { useEffect, useRef, useState } from "preact/hooks";
import { Button } from "../ui/button.tsx";
import { Field } from "../ui/field.tsx";
import { cameraProblem, cameras, cameraUnusable, openCamera } from "./camera.ts";
import { switchOff } from "./held-camera.ts";

interface Props {
  camera: MediaStream | null;
  /** The camera that was allowed and chosen. */
  onCamera(camera: MediaStream | null): void;
}

/** Asks for the camera of this device, shows its picture, and lets choose among several. */
export function CameraPicker({ camera, onCamera }: Props) {
  const [problem, setProblem] = useState(() => cameraUnusable({ isSecureContext, origin: location.origin }));
  const [busy, setBusy] = useState(false);
  const [devices, setDevices] = useState<MediaDeviceInfo[]>([]);
  const possible = isSecureContext;
  const open = async (device: string | null) => {
    setBusy(true);
    switchOff(camera);
    try {
      onCamera(await openCamera(device));
      setDevices(await cameras());
      setProblem(null);
    } catch (error) {
      onCamera(null);
      setProblem(cameraProblem(error));
    }
    setBusy(false);
  };
  useEffect(() => {
    if (possible && !camera) void open(null);
  }, []);
  const current = camera?.getVideoTracks()[0]?.getSettings().deviceId ?? "";
  return (
    <div class="camera-picker">
      {camera && <Preview camera={camera} />}
      {devices.length > 1 && (
        <Field label="Camera">
          {(ties) => (
            <select {...ties} value={current} onChange={(event) => void open(event.currentTarget.value)}>
              {devices.map(({ deviceId, label }, place) => (
                <option key={deviceId} value={deviceId}>
                  {label || `Camera ${place + 1}`}
                </option>
              ))}
            </select>
          )}
        </Field>
      )}
      {problem && (
        <p class="error-text" role="alert">
          {problem}
        </p>
      )}
      {possible && !camera && (
        <Button icon="camera" busy={busy} onClick={() => void open(null)}>
          {problem ? "Try again" : "Allow the camera"}
        </Button>
      )}
    </div>
  );
}

function Preview({ camera }: { camera: MediaStream }) {
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const element = video.current as HTMLVideoElement;
    element.srcObject = camera;
    element.play().catch(() => undefined);
  }, [camera]);
  return <video class="camera-preview" ref={video} muted playsInline aria-label="Picture of your camera" />;
}
