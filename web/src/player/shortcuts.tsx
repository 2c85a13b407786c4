// The list of keys.
import type { Signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { keyName, SHORTCUTS } from "./keys.ts";

interface Props {
  open: Signal<boolean>;
  enabled: Signal<boolean>;
}

export function Shortcuts({ open, enabled }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const shown = open.value;
  useEffect(() => {
    if (shown) dialog.current?.showModal();
  }, [shown]);
  if (!shown) return null;
  const close = () => {
    open.value = false;
  };
  return (
    <dialog ref={dialog} class="shortcuts" aria-labelledby="shortcuts-title" onClose={close}>
      <h2 id="shortcuts-title">Keyboard</h2>
      <dl>
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
      <label class="check">
        <input
          type="checkbox"
          checked={enabled.value}
          onChange={(event) => {
            enabled.value = event.currentTarget.checked;
          }}
        />
        Use these keys on this page
      </label>
      <form method="dialog">
        <button type="submit" class="plain-button">
          Close
        </button>
      </form>
    </dialog>
  );
}
