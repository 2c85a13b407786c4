import { useId, useRef, useState } from "preact/hooks";
import { Icon } from "../ui/icons.tsx";
import { announce } from "../ui/toast.tsx";
import { matching } from "./label-search.ts";

interface LabelsProps {
  label: string;
  /** All labels of the model, or of another owner. */
  all: readonly string[];
  /** As in "The model has 80 labels." */
  owner?: string;
  chosen: readonly string[];
  onChange(chosen: string[]): void;
}

const SHOWN = 60;

/** Multi-select of labels: type to search, Enter adds the highlighted one, Backspace removes the last one. */
export function Labels({ label: title, all, owner = "The model", chosen, onChange }: LabelsProps) {
  const [typed, setTyped] = useState("");
  const [open, setOpen] = useState(false);
  const [at, setAt] = useState(0);
  const input = useRef<HTMLInputElement>(null);
  const id = useId();
  const found = matching(all, chosen, typed).slice(0, SHOWN);
  const marked = Math.min(at, found.length - 1);
  const take = (label: string) => {
    onChange([...chosen, label]);
    announce(`${label} added`);
    setTyped("");
    setAt(0);
    input.current?.focus();
  };
  const give = (label: string) => {
    onChange(chosen.filter((one) => one !== label));
    announce(`${label} removed`);
    input.current?.focus();
  };
  const key = (event: KeyboardEvent) => {
    const label = found[marked];
    const lastOne = chosen.at(-1);
    if (event.key === "ArrowDown") setAt(open ? Math.min(marked + 1, found.length - 1) : 0);
    else if (event.key === "ArrowUp") setAt(Math.max(marked - 1, 0));
    else if (event.key === "Enter") {
      if (open && label) take(label);
    } else if (event.key === "Escape" && open) return close(event);
    else if (event.key === "Backspace" && !typed && lastOne) return give(lastOne);
    else return;
    setOpen(true);
    event.preventDefault();
  };
  const close = (event: Event) => {
    setOpen(false);
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div class="field">
      <label for={id}>{title}</label>
      <div class="labels-anchor">
        <div class="labels-box">
          {chosen.map((label) => (
            <span class="chip" key={label}>
              {label}
              <button type="button" aria-label={`Remove ${label}`} onClick={() => give(label)}>
                <Icon name="close" />
              </button>
            </span>
          ))}
          <input
            ref={input}
            id={id}
            role="combobox"
            autocomplete="off"
            aria-expanded={open && found.length > 0}
            aria-controls={`${id}-list`}
            aria-autocomplete="list"
            aria-activedescendant={open && found[marked] ? `${id}-${marked}` : undefined}
            aria-describedby={`${id}-more`}
            placeholder={chosen.length ? "Add another…" : "All labels; type to select some"}
            value={typed}
            onInput={(event) => {
              setTyped(event.currentTarget.value);
              setAt(0);
              setOpen(true);
            }}
            onFocus={() => setOpen(true)}
            onBlur={() => setOpen(false)}
            onKeyDown={key}
          />
        </div>
        {open && found.length > 0 && (
          <div class="labels-list" role="listbox" id={`${id}-list`} aria-label="Labels">
            {found.map((label, row) => (
              // pointerdown comes before blur, which closes the list.
              // biome-ignore lint/a11y/useFocusableInteractive: the field keeps the focus and names the marked row
              <div
                role="option"
                aria-selected={row === marked}
                id={`${id}-${row}`}
                key={label}
                class={row === marked ? "marked" : ""}
                onPointerDown={(event) => {
                  event.preventDefault();
                  take(label);
                }}
              >
                {label}
              </div>
            ))}
          </div>
        )}
      </div>
      <p class="hint" id={`${id}-more`}>
        {open && typed && !found.length
          ? `${owner} has no label containing "${typed}".`
          : `${owner} has ${all.length} labels.`}
      </p>
    </div>
  );
}
