// The dialog of keyboard shortcuts.
import type { Signal } from "@preact/signals";
import { Dialog } from "../../ui/dialog.tsx";
import { keyName, SHORTCUTS } from "./keys.ts";

interface Props {
  open: Signal<boolean>;
  enabled: Signal<boolean>;
}

export function Shortcuts({ open, enabled }: Props) {
  if (!open.value) return null;
  const close = () => {
    open.value = false;
  };
  return (
    <Dialog title="Keyboard shortcuts" onClose={close}>
      <dl class="shortcuts">
        {SHORTCUTS.map(([keys, action, words]) => (
          <div key={action}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{keyName(key)}</kbd>
              ))}
            </dt>
            <dd>{words}</dd>
          </div>
        ))}
      </dl>
      <label class="tick">
        <input
          type="checkbox"
          checked={enabled.value}
          onChange={(event) => {
            enabled.value = event.currentTarget.checked;
          }}
        />
        Enable keyboard shortcuts
      </label>
    </Dialog>
  );
}
