import type { ComponentChildren } from "preact";
import { MOST_COUNTED, unseen } from "./alerts/alert-store.ts";
import { reached } from "./api/connection.ts";
import { explain } from "./api/errors.ts";
import { signOut, user } from "./api/session.ts";
import { navigate, path } from "./lib/router.ts";
import { Icon, Mark } from "./ui/icons.tsx";
import { Link } from "./ui/link.tsx";
import { Menu, type MenuItem } from "./ui/menu.tsx";
import { toast } from "./ui/toast.tsx";
import { DropAnywhere, sendingWords } from "./upload/drop.tsx";
import { active } from "./upload/queue.ts";

/** Frame of each page: navigation header, and banner while unreachable. bare: the page has its own main. */
export function Shell({ bare, children }: { bare: boolean; children: ComponentChildren }) {
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <header class="head">
        <Link href="/" class="brand" aria-label="Web-Detector">
          <Mark />
          <span>Web-Detector</span>
        </Link>
        <nav aria-label="Page">
          <Link href="/" aria-current={path.value === "/" ? "page" : undefined}>
            Videos
          </Link>
          <Link href="/search" aria-current={path.value === "/search" ? "page" : undefined}>
            Search
          </Link>
          <Link href="/live" aria-current={path.value === "/live" ? "page" : undefined}>
            Live
          </Link>
          <Link href="/alerts" aria-current={path.value === "/alerts" ? "page" : undefined}>
            Alerts
            <Unseen />
          </Link>
          <a href="/docs">API</a>
        </nav>
        <span class="spring" />
        <Sending />
        <UserMenu />
      </header>
      <Offline />
      {bare ? <div id="main">{children}</div> : <main id="main">{children}</main>}
      <DropAnywhere onDrop={() => navigate("/")} />
    </>
  );
}

/** How many alerts were not seen. */
function Unseen() {
  const most = unseen.value >= MOST_COUNTED ? `${MOST_COUNTED - 1}+` : String(unseen.value);
  if (!unseen.value) return null;
  return (
    <span class="count">
      {most}
      <span class="unseen"> not seen</span>
    </span>
  );
}

function UserMenu() {
  const ofAdmins: MenuItem[] =
    user.value?.role === "admin" ? [{ icon: "sliders", text: "Status", act: () => navigate("/status") }] : [];
  const leave = () => void signOut().catch((error) => toast(explain(error), "bad"));
  return (
    <div class="user">
      <span class="user-name">{user.value?.username}</span>
      <Menu
        icon="account"
        label={`User menu (${user.value?.username})`}
        items={[
          { icon: "key", text: "Account and tokens", act: () => navigate("/account") },
          ...ofAdmins,
          { icon: "docs", text: "API reference", act: () => location.assign("/docs") },
          { icon: "back", text: "Sign out", act: leave },
        ]}
      />
    </div>
  );
}

/** Upload progress in the header, since uploads continue on other pages. */
function Sending() {
  const now = active.value;
  if (!now.length || path.value === "/") return null;
  const sent = now.reduce((sum, { state }) => sum + state.value.sent, 0);
  const size = now.reduce((sum, { file }) => sum + file.size, 0);
  return (
    <Link href="/" class="head-sending">
      <Icon name="upload" />
      {sendingWords(now.length, sent, size)}
    </Link>
  );
}

/** Banner while the service is unreachable. */
export function Offline() {
  return (
    <div class="offline-place" role="status">
      {!reached.value && (
        <p class="offline">
          <Icon name="offline" />
          <span>Cannot reach the server. The data shown may be out of date; the page retries automatically.</span>
        </p>
      )}
    </div>
  );
}
