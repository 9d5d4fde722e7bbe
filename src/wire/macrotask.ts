/** What is to be done in the next turn of the event loop. */
export interface Flushable {
  flush(): void;
}

let waiting: Flushable[] = [];

/**
 * Flushes in the next turn of the event loop: one macrotask serves all that ask
 * for it in this turn. To be called once a turn by each.
 */
export function flushLater(target: Flushable): void {
  if (waiting.length === 0) setImmediate(flushAll);
  waiting.push(target);
}

function flushAll(): void {
  const targets = waiting;
  waiting = [];
  for (const target of targets) target.flush();
}
