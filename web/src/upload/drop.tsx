import { useEffect, useRef, useState } from "preact/hooks";
import { many } from "../lib/format.ts";
import { Button } from "../ui/button.tsx";
import { Icon } from "../ui/icons.tsx";
import { toast } from "../ui/toast.tsx";
import { describe } from "./options.ts";
import { OptionsDialog } from "./options-dialog.tsx";
import { add } from "./queue.ts";
import { setUsual, usual } from "./start-job.ts";
import { takenUp } from "./unfinished.ts";

// Browsers do not know the type of some of these files.
const ACCEPT =
  "video/*,image/*,.mkv,.avi,.mov,.m4v,.mts,.m2ts,.ts,.flv,.wmv,.mpg,.mpeg,.webm,.3gp,.mxf,.h264,.264,.avc,.h265,.265,.hevc";

/** Add files to the queue, and report those that cannot be uploaded. */
export function send(files: Iterable<File>): void {
  const all = [...files];
  takenUp(all);
  const refused = add(all);
  if (refused.length) toast(`Empty files cannot be uploaded: ${refused.join(", ")}.`, "bad");
}

/** Accepts files dropped anywhere on the page, with a hint while they are dragged over it. */
export function DropAnywhere({ onDrop }: { onDrop(): void }) {
  const [over, setOver] = useState(false);
  useEffect(() => {
    const holdsFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
    const drag = (event: DragEvent) => {
      if (!holdsFiles(event)) return;
      event.preventDefault();
      setOver(true);
    };
    const leave = (event: DragEvent) => event.relatedTarget === null && setOver(false);
    const drop = (event: DragEvent) => {
      if (!holdsFiles(event)) return;
      event.preventDefault();
      setOver(false);
      onDrop();
      const entries = [...(event.dataTransfer?.items ?? [])].map(
        (item) => [item.webkitGetAsEntry(), item.getAsFile()] as const,
      );
      const files = entries.flatMap(([entry, file]) => (file && !entry?.isDirectory ? [file] : []));
      if (files.length < entries.length)
        toast("Folders cannot be uploaded. Open the folder and drop the files in it.", "bad");
      send(files);
    };
    addEventListener("dragenter", drag);
    addEventListener("dragover", drag);
    addEventListener("dragleave", leave);
    addEventListener("drop", drop);
    return () => {
      removeEventListener("dragenter", drag);
      removeEventListener("dragover", drag);
      removeEventListener("dragleave", leave);
      removeEventListener("drop", drop);
    };
  }, [onDrop]);
  return over ? (
    <div class="drop-over" aria-hidden="true">
      <div>
        <Icon name="upload" />
        <p>Drop to upload</p>
      </div>
    </div>
  ) : null;
}

/** File chooser. big: for an otherwise empty page. */
export function Chooser({ big }: { big: boolean }) {
  const input = useRef<HTMLInputElement>(null);
  const [open, setOpen] = useState(false);
  const words = describe(usual.value);
  return (
    <section class={big ? "chooser big" : "chooser"} aria-label="Upload videos">
      <Icon name="upload" />
      <div class="chooser-words">
        <h2>{big ? "Drop a video here" : "Drop videos anywhere on this page"}</h2>
        <p class="soft">
          {words
            ? `New videos are analysed with: ${words}.`
            : big
              ? "It is uploaded and analysed automatically. You can view results while the job runs."
              : "They are uploaded and analysed automatically. You can view results while the jobs run."}
        </p>
      </div>
      <div class="chooser-buttons">
        <Button kind="primary" icon="plus" onClick={() => input.current?.click()}>
          Choose files
        </Button>
        <Button icon="sliders" onClick={() => setOpen(true)}>
          Options
        </Button>
      </div>
      <input
        ref={input}
        class="unseen"
        type="file"
        multiple
        accept={ACCEPT}
        tabIndex={-1}
        aria-label="Videos to upload"
        onChange={(event) => {
          send(event.currentTarget.files ?? []);
          // Choosing the same file again must fire `change`.
          event.currentTarget.value = "";
        }}
      />
      {open && (
        <OptionsDialog
          title="Options for new videos"
          deed="Apply"
          form={usual.value}
          keepable
          onClose={() => setOpen(false)}
          onSave={setUsual}
        />
      )}
    </section>
  );
}

/** "2 files, 40 %" for the header. */
export function sendingWords(count: number, sent: number, size: number): string {
  return `${many(count, "file")}, ${size ? Math.floor((sent / size) * 100) : 0} %`;
}
