import { Empty } from "../ui/empty.tsx";
import { Link } from "../ui/link.tsx";

/** Page for unknown addresses. */
export function MissingPage() {
  return (
    <>
      <h1 class="unseen" tabIndex={-1}>
        Not found
      </h1>
      <Empty icon="search" title="Page not found">
        <p>
          The address is wrong, or what it showed was deleted. <Link href="/">All videos</Link>
        </p>
      </Empty>
    </>
  );
}
