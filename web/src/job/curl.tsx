// The line for a terminal that gets what is on the screen.
import { useState } from "preact/hooks";

export function Curl({ line }: { line: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard?.writeText(line).catch(() => undefined);
    setCopied(true);
    setTimeout(() => setCopied(false), 2000);
  };
  return (
    <div class="curl">
      <pre>
        <code>{line}</code>
      </pre>
      <button type="button" class="plain-button" onClick={() => void copy()}>
        {copied ? "Copied" : "Copy"}
      </button>
    </div>
  );
}
