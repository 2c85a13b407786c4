import { useEffect, useState } from "preact/hooks";
import { explain } from "../api/errors.ts";
import { loadModels } from "../api/models.ts";
import type { Stream, StreamBody } from "../api/stream-types.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Field } from "../ui/field.tsx";
import { Icon, type IconName } from "../ui/icons.tsx";
import { DEFAULTS, errorsOf } from "../upload/options.ts";
import { OptionsForm } from "../upload/options-form.tsx";
import { CameraPicker } from "../webcam/camera-picker.tsx";
import { useCamera } from "../webcam/held-camera.ts";
import { sendCamera } from "../webcam/sender.ts";
import { AddressFields } from "./address-fields.tsx";
import { PushLine } from "./push-line.tsx";
import { RecordFields } from "./record-fields.tsx";
import { addressError, joined, kindOf, recordError, recordOf, streamOptionsOf, USUAL_RECORD } from "./stream-form.ts";
import { addStream } from "./stream-store.ts";
import { VideoField } from "./video-field.tsx";
import "./stream-dialogs.css";

type Source = "webcam" | "camera" | "video" | "push";

const SOURCES: [Source, IconName, string, string][] = [
  ["webcam", "camera", "This device's camera", "sent by this browser"],
  ["camera", "film", "Network camera", "by its RTSP or HTTP address"],
  ["video", "retry", "A stored video", "in a loop, to try things out"],
  ["push", "upload", "Pushed images", "JPEGs that a program sends"],
];
const NAMES: Record<Source, string> = { webcam: "Webcam", camera: "", video: "", push: "Images" };

/** Adds a stream, and begins to send where it is this device's camera. */
export function AddStream({ onClose }: { onClose(): void }) {
  const [source, setSource] = useState<Source>(isSecureContext ? "webcam" : "camera");
  const [name, setName] = useState("");
  const [address, setAddress] = useState({ address: "", username: "", password: "" });
  const [video, setVideo] = useState<{ id: string; name: string | null } | null>(null);
  const [form, setForm] = useState(DEFAULTS);
  const [record, setRecord] = useState(USUAL_RECORD);
  const [busy, setBusy] = useState(false);
  const [tried, setTried] = useState(false);
  const [error, setError] = useState("");
  const [added, setAdded] = useState<Stream | null>(null);
  const { camera, setCamera, keep } = useCamera();
  useEffect(() => {
    loadModels().catch((caught) => setError(explain(caught)));
  }, []);
  const errors = errorsOf(form);
  const wrongAddress = source === "camera" ? addressError(address) : null;
  const ready =
    (source !== "webcam" || camera) && (source !== "video" || video) && !recordError(record) && !Object.keys(errors)[0];
  const body = (): StreamBody => ({
    ...sourceOf(),
    ...(name.trim() || NAMES[source] ? { name: name.trim() || NAMES[source] } : {}),
    ...(form.model ? { model: form.model } : {}),
    options: streamOptionsOf(form),
    record: recordOf(record),
  });
  const sourceOf = (): StreamBody => {
    if (source === "webcam") return { kind: "webrtc" };
    if (source === "push") return { kind: "push" };
    if (source === "video") return { kind: "video", ...(video ? { video_id: video.id } : {}) };
    return { kind: kindOf(address.address) ?? "rtsp", url: joined(address) };
  };
  const add = async () => {
    setTried(true);
    if (wrongAddress) return;
    setBusy(true);
    setError("");
    try {
      const stream = await addStream(body());
      if (source === "webcam" && camera) {
        keep();
        sendCamera(stream.id, camera, form.sampling === "sample_fps" ? form.sample_fps : null);
      }
      if (source === "push") setAdded(stream);
      else onClose();
    } catch (caught) {
      setError(explain(caught));
    }
    setBusy(false);
  };
  if (added) return <Added stream={added} onClose={onClose} />;
  const actions = (
    <>
      <Button onClick={onClose}>Cancel</Button>
      <Button kind="primary" busy={busy} disabled={!ready} onClick={add}>
        Add
      </Button>
    </>
  );
  return (
    <Dialog title="Add camera" onClose={onClose} actions={actions}>
      <Sources chosen={source} onChange={setSource} />
      {source === "webcam" && <CameraPicker camera={camera} onCamera={setCamera} />}
      {source === "camera" && (
        <AddressFields form={address} error={tried ? wrongAddress : null} onChange={setAddress} />
      )}
      {source === "video" && <VideoField chosen={video?.id ?? null} onChange={setVideo} />}
      {source === "push" && <p class="hint">The command that sends an image is shown when it was added.</p>}
      <Field label="Name">
        {(ties) => (
          <input
            {...ties}
            maxLength={255}
            placeholder={NAMES[source] || (source === "video" ? "that of the video" : "that of the host")}
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        )}
      </Field>
      <RecordFields form={record} onChange={setRecord} />
      <details class="more-options">
        <summary>What is detected</summary>
        <OptionsForm form={form} errors={errors} onChange={setForm} of="stream" />
        <p class="hint">A region can be drawn on the running picture later, with Edit.</p>
      </details>
      {error && (
        <p class="error-text" role="alert">
          {error}
        </p>
      )}
    </Dialog>
  );
}

function Sources({ chosen, onChange }: { chosen: Source; onChange(source: Source): void }) {
  return (
    <fieldset class="sources">
      <legend class="unseen">Where the pictures come from</legend>
      {SOURCES.map(([source, icon, title, more]) => (
        <label key={source} class="source">
          <input type="radio" name="source" checked={chosen === source} onChange={() => onChange(source)} />
          <Icon name={icon} />
          <span>
            <strong>{title}</strong>
            <small>{more}</small>
          </span>
        </label>
      ))}
    </fieldset>
  );
}

function Added({ stream, onClose }: { stream: Stream; onClose(): void }) {
  return (
    <Dialog
      title={`Added: ${stream.name}`}
      onClose={onClose}
      actions={
        <Button kind="primary" onClick={onClose}>
          Done
        </Button>
      }
    >
      <PushLine stream={stream.id} />
    </Dialog>
  );
}
