// What can be done with a stream: the menu and its dialogs.
import { useState } from "preact/hooks";
import { explain } from "../api/errors.ts";
import type { Stream } from "../api/stream-types.ts";
import { Confirm } from "../ui/dialog.tsx";
import { Menu, type MenuItem } from "../ui/menu.tsx";
import { toast } from "../ui/toast.tsx";
import { sending, stopSending } from "../webcam/sender.ts";
import { EditStream } from "./edit-stream.tsx";
import { SendDialog } from "./send-dialog.tsx";
import type { Help } from "./stream-notice.tsx";
import { deleteStream, startStream, stopStream } from "./stream-store.ts";

type Dialog = "edit" | "delete" | "send" | null;

export interface StreamActions {
  help(help: Help): void;
  items: MenuItem[];
  dialog: preact.ComponentChildren;
}

/** The actions of a stream. onDeleted: where the page shows it alone. */
export function useStreamActions(stream: Stream, onDeleted: () => void = () => undefined): StreamActions {
  const [dialog, setDialog] = useState<Dialog>(null);
  const close = () => setDialog(null);
  const isSending = sending.value.has(stream.id);
  const stop = async () => {
    stopSending(stream.id);
    await stopStream(stream.id);
  };
  const remove = async () => {
    stopSending(stream.id);
    await deleteStream(stream.id);
    toast(`${stream.name} deleted`);
    onDeleted();
  };
  const start = () => tell(startStream(stream.id));
  const help = (kind: Help) => {
    if (kind === "start") start();
    else setDialog(kind);
  };
  const items: MenuItem[] = [{ icon: "sliders", text: "Edit…", act: () => setDialog("edit") }];
  if (stream.kind === "webrtc" && stream.wanted === "running")
    items.push(
      isSending
        ? { icon: "stop", text: "Stop sending from this device", act: () => stopSending(stream.id) }
        : { icon: "camera", text: "Send from this device…", act: () => setDialog("send") },
    );
  if (stream.wanted === "stopped" || stream.state === "failed") items.push({ icon: "play", text: "Start", act: start });
  if (stream.wanted === "running") items.push({ icon: "stop", text: "Stop", act: () => tell(stop()) });
  items.push({ icon: "trash", text: "Delete…", danger: true, act: () => setDialog("delete") });
  return {
    help,
    items,
    dialog: (
      <>
        {dialog === "edit" && <EditStream stream={stream} onClose={close} />}
        {dialog === "send" && <SendDialog stream={stream} onClose={close} />}
        {dialog === "delete" && (
          <Confirm title={`Delete ${stream.name}?`} deed="Delete" onClose={close} onConfirm={remove}>
            <p>The stream ends, and its settings are deleted. Its recordings stay in the list of videos.</p>
          </Confirm>
        )}
      </>
    ),
  };
}

/** The button with the menu. */
export function ActionMenu({ stream, items }: { stream: Stream; items: MenuItem[] }) {
  return <Menu label={`Actions for ${stream.name}`} items={items} />;
}

function tell(work: Promise<unknown>): void {
  work.catch((error) => toast(explain(error), "bad"));
}
