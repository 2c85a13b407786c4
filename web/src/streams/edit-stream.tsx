import { useEffect, useMemo, useState } from "preact/hooks";
import { explain } from "../api/errors.ts";
import { loadModels, modelOf } from "../api/models.ts";
import type { Stream, StreamBody } from "../api/stream-types.ts";
import { LiveFeed } from "../live/live-feed.ts";
import { LivePicture } from "../live/live-picture.tsx";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Field } from "../ui/field.tsx";
import { errorsOf } from "../upload/options.ts";
import { OptionsForm } from "../upload/options-form.tsx";
import { AddressFields } from "./address-fields.tsx";
import { PushLine } from "./push-line.tsx";
import { RecordFields } from "./record-fields.tsx";
import {
  changedAddressError,
  changes,
  formOfStream,
  joined,
  recordError,
  recordFormOf,
  recordOf,
  streamOptionsOf,
} from "./stream-form.ts";
import { changeStream } from "./stream-store.ts";
import "./stream-dialogs.css";

/** Changes a stream while it runs. */
export function EditStream({ stream, onClose }: { stream: Stream; onClose(): void }) {
  const [name, setName] = useState(stream.name);
  const [address, setAddress] = useState({ address: stream.url ?? "", username: "", password: "" });
  const [form, setForm] = useState(() => formOfStream(stream));
  const [record, setRecord] = useState(() => recordFormOf(stream.record));
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState("");
  useEffect(() => {
    loadModels().catch((caught) => setError(explain(caught)));
  }, []);
  const wrongAddress = stream.url === null ? null : changedAddressError(address, stream.url);
  const errors = errorsOf(form);
  const ready = name.trim() && !wrongAddress && !recordError(record) && !Object.keys(errors).length;
  const save = async () => {
    setBusy(true);
    setError("");
    const next = {
      name: name.trim(),
      model: form.model ?? modelOf(null)?.id ?? stream.model,
      options: streamOptionsOf(form),
      record: recordOf(record),
    };
    const moved = stream.url !== null && (address.address !== stream.url || address.username || address.password);
    const body: StreamBody = { ...changes(stream, next), ...(moved ? { url: joined(address) } : {}) };
    try {
      if (Object.keys(body).length) await changeStream(stream.id, body);
      onClose();
    } catch (caught) {
      setError(explain(caught));
      setBusy(false);
    }
  };
  const actions = (
    <>
      <Button onClick={onClose}>Cancel</Button>
      <Button kind="primary" busy={busy} disabled={!ready} onClick={save}>
        Save
      </Button>
    </>
  );
  return (
    <Dialog title={`Edit ${stream.name}`} wide onClose={onClose} actions={actions}>
      <Field label="Name">
        {(ties) => (
          <input {...ties} maxLength={255} value={name} onInput={(event) => setName(event.currentTarget.value)} />
        )}
      </Field>
      {stream.url !== null && (
        <AddressFields
          form={address}
          error={wrongAddress}
          known={address.address === stream.url}
          onChange={setAddress}
        />
      )}
      <OptionsForm
        form={form}
        errors={errors}
        onChange={setForm}
        of="stream"
        video={{ picture: <Running stream={stream} /> }}
      />
      <RecordFields form={record} onChange={setRecord} />
      {stream.kind === "push" && <PushLine stream={stream.id} />}
      {error && (
        <p class="error-text" role="alert">
          {error}
        </p>
      )}
    </Dialog>
  );
}

/** The running picture, to draw the region on. */
function Running({ stream }: { stream: Stream }) {
  const feed = useMemo(() => new LiveFeed(stream.id), [stream.id]);
  const { width, height } = feed.shape();
  return (
    <div class="region-running" style={{ aspectRatio: `${width} / ${height}` }}>
      <LivePicture feed={feed} label="Running picture" on={stream.wanted === "running"} />
      {!feed.pictured.value && <p class="region-waiting">The picture is not running; enter the edges in percent.</p>}
    </div>
  );
}
