let last: Promise<unknown> = Promise.resolve();

/**
 * Runs a task while no other tab of this browser runs one of the same name.
 *
 * Browsers have locks over tabs only where the page came by https or from this machine; elsewhere the order is kept
 * within this tab alone.
 */
export function locked<T>(name: string, task: () => Promise<T>): Promise<T> {
  if (navigator.locks) return navigator.locks.request(name, task) as Promise<T>;
  const turn = last.then(task, task);
  last = turn.catch(() => undefined);
  return turn;
}
