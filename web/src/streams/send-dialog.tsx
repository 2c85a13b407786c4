import type { Stream } from "../api/stream-types.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { CameraPicker } from "../webcam/camera-picker.tsx";
import { useCamera } from "../webcam/held-camera.ts";
import { sendCamera } from "../webcam/sender.ts";
import "./stream-dialogs.css";

/** Sends the camera of this device to a stream that waits for one. */
export function SendDialog({ stream, onClose }: { stream: Stream; onClose(): void }) {
  const { camera, setCamera, keep } = useCamera();
  const send = () => {
    if (!camera) return;
    keep();
    sendCamera(stream.id, camera, stream.options.max_fps ?? null);
    onClose();
  };
  const actions = (
    <>
      <Button onClick={onClose}>Cancel</Button>
      <Button kind="primary" disabled={!camera} onClick={send}>
        Send
      </Button>
    </>
  );
  return (
    <Dialog title={`Send this device's camera to ${stream.name}`} onClose={onClose} actions={actions}>
      <CameraPicker camera={camera} onCamera={setCamera} />
      <p class="hint">It is sent while this page is open in this browser.</p>
    </Dialog>
  );
}
