import { useEffect, useState } from "preact/hooks";
import { bytes, many } from "../lib/format.ts";
import { Button, IconButton } from "../ui/button.tsx";
import { Link } from "../ui/link.tsx";
import { Progress } from "../ui/progress.tsx";
import { describe } from "./options.ts";
import { OptionsDialog } from "./options-dialog.tsx";
import { begin, cancelItem, type Item, items, pauseItem, remove, resumeItem, setForm } from "./queue.ts";
import { usual } from "./start-job.ts";
import { stateText } from "./state-text.ts";
import { discardAll, findUnfinished, unfinished } from "./unfinished.ts";

/** The upload queue, and unfinished uploads of earlier visits. */
export function Uploads() {
  useEffect(() => void findUnfinished(), []);
  const rows = items.value;
  if (!rows.length && !unfinished.value.length) return null;
  return (
    <section class="uploads" aria-label="Uploads">
      <UnfinishedNote />
      {rows.map((item) => (
        <Row item={item} key={item.key} />
      ))}
    </section>
  );
}

function UnfinishedNote() {
  const files = unfinished.value;
  if (!files.length) return null;
  return (
    <div class="upload-note">
      <p>
        <strong>{files.map(({ name }) => name).join(", ")}</strong> was only partially uploaded. Choose or drop{" "}
        {files.length > 1 ? "the same files" : "the same file"} again to resume from{" "}
        {bytes(files.reduce((sum, { sent }) => sum + sent, 0))}.
      </p>
      <Button kind="quiet" onClick={() => void discardAll()}>
        Discard {many(files.length, "upload")}
      </Button>
    </div>
  );
}

function Row({ item }: { item: Item }) {
  const [open, setOpen] = useState(false);
  const state = item.state.value;
  const { phase, sent, job, reason } = state;
  const { name, size } = item.file;
  const ended = phase === "started" || phase === "failed";
  const bad = phase === "failed" || (phase === "arrived" && reason !== "");
  const words = describe(item.form.value ?? usual.value);
  const openOptions = () => {
    item.held.value = true;
    setOpen(true);
  };
  const closeOptions = () => {
    setOpen(false);
    item.held.value = false;
    void begin(item);
  };
  return (
    <article class="upload" aria-label={name}>
      <div class="upload-words">
        <h3>{job ? <Link href={`/jobs/${job.id}`}>{name}</Link> : name}</h3>
        <p class={bad ? "error-text" : "soft"}>
          {stateText(state, size)}
          {words && !ended && ` · ${words}`}
        </p>
      </div>
      {!ended && (
        <Progress value={sent / size} label={`Upload of ${name}`} kind={phase === "sending" ? "accent" : "still"} />
      )}
      <div class="upload-buttons">
        {!ended && (
          <Button icon="sliders" onClick={openOptions}>
            Options
          </Button>
        )}
        {phase === "arrived" && reason && <Button onClick={() => void begin(item)}>Start</Button>}
        {["sending", "waiting", "broken"].includes(phase) && (
          <IconButton icon="pause" label={`Pause ${name}`} onClick={() => pauseItem(item)} />
        )}
        {phase === "paused" && <IconButton icon="play" label={`Resume ${name}`} onClick={() => resumeItem(item)} />}
        {ended || bad ? (
          <IconButton icon="close" label={`Dismiss ${name}`} onClick={() => remove(item)} />
        ) : (
          phase !== "arrived" && (
            <IconButton icon="close" label={`Cancel ${name}`} onClick={() => void cancelItem(item)} />
          )
        )}
      </div>
      {open && (
        <OptionsDialog
          title={`Options for ${name}`}
          deed={phase === "arrived" ? "Start" : "Apply"}
          form={item.form.value ?? usual.value}
          video={{ file: item.file }}
          onClose={closeOptions}
          onSave={(form) => setForm(item, form)}
        />
      )}
    </article>
  );
}
