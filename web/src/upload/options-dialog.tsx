import { useEffect, useState } from "preact/hooks";
import { explain } from "../api/errors.ts";
import { loadModels } from "../api/models.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { DEFAULTS, errorsOf, type Form } from "./options.ts";
import { OptionsForm, type OptionsFormProps } from "./options-form.tsx";

interface OptionsDialogProps {
  title: string;
  /** Label of the confirming button. */
  deed: string;
  form: Form;
  video?: OptionsFormProps["video"];
  durationMs?: number | null;
  /** Offer to store them for later visits. */
  keepable?: boolean;
  onClose(): void;
  /** Save them; an error it throws is shown, and the dialog stays open. */
  onSave(form: Form, keep: boolean): Promise<void> | void;
}

/** The options of one video, or the defaults. */
export function OptionsDialog(props: OptionsDialogProps) {
  const { title, deed, video, durationMs = null, keepable = false, onClose, onSave } = props;
  const [form, setForm] = useState(props.form);
  const [keep, setKeep] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState("");
  useEffect(() => {
    loadModels().catch((caught) => setError(explain(caught)));
  }, []);
  const errors = errorsOf(form, durationMs);
  const save = async () => {
    setBusy(true);
    setError("");
    try {
      await onSave(form, keep);
      onClose();
    } catch (caught) {
      setError(explain(caught));
      setBusy(false);
    }
  };
  const actions = (
    <>
      <Button kind="quiet" onClick={() => setForm(DEFAULTS)}>
        Reset
      </Button>
      <span class="spring" />
      <Button onClick={onClose}>Cancel</Button>
      <Button kind="primary" busy={busy} disabled={Object.keys(errors).length > 0} onClick={save}>
        {deed}
      </Button>
    </>
  );
  return (
    <Dialog title={title} wide={Boolean(video)} onClose={onClose} actions={actions}>
      <OptionsForm form={form} errors={errors} onChange={setForm} video={video} />
      {keepable && (
        <label class="tick">
          <input type="checkbox" checked={keep} onChange={(event) => setKeep(event.currentTarget.checked)} />
          Remember these options in this browser
        </label>
      )}
      {error && (
        <p class="error-text" role="alert">
          {error}
        </p>
      )}
    </Dialog>
  );
}
