import { CopyButton } from "./copy-button.tsx";
import { type CurlCall, curlText } from "./curl-text.ts";
import { Link } from "./link.tsx";

/** The curl command for the data on the screen, with a copy button. open: shown at once. */
export function CurlLine({ open = false, ...call }: CurlCall & { open?: boolean }) {
  const text = curlText(location.origin, call);
  return (
    <details class="curl-line" open={open}>
      <summary>Show as curl command</summary>
      <div class="code-line">
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, also by keyboard */}
        <pre tabIndex={0}>
          <code>{text}</code>
        </pre>
        <CopyButton text={text} what="the command" />
      </div>
      <p class="soft">
        <code>TOKEN</code> is an API token: create one under <Link href="/account">Account</Link>. All calls:{" "}
        <a href="/docs">API reference</a>.
      </p>
    </details>
  );
}
