let last: Promise<unknown> = Promise.resolve();

/**
 * Runs a task under a lock shared by all tabs of this browser.
 *
 * The Web Locks API needs a secure context (https or localhost); elsewhere the lock covers this tab only.
 */
export function locked<T>(name: string, task: () => Promise<T>): Promise<T> {
  if (navigator.locks) return navigator.locks.request(name, task) as Promise<T>;
  const turn = last.then(task, task);
  last = turn.catch(() => undefined);
  return turn;
}
