import { useEffect, useState } from "preact/hooks";
import { copy } from "../lib/clipboard.ts";
import { Button } from "./button.tsx";
import { announce, toast } from "./toast.tsx";

/** A button that copies a text. what: its name, as in "the command". */
export function CopyButton({ text, what }: { text: string; what: string }) {
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return;
    const timer = setTimeout(() => setDone(false), 2000);
    return () => clearTimeout(timer);
  }, [done]);
  const press = async () => {
    if (await copy(text)) {
      setDone(true);
      announce("Copied");
    } else toast(`The browser blocks access to the clipboard; select ${what} and copy it manually.`, "bad");
  };
  return (
    <Button icon={done ? "check" : "copy"} onClick={press} aria-label={`Copy ${what}`}>
      {done ? "Copied" : "Copy"}
    </Button>
  );
}
