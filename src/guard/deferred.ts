/** A promise that is settled from outside: what waits and what happens are in two places. */

export interface Deferred {
  readonly done: Promise<void>;
  settle(): void;
}

export function deferred(): Deferred {
  let settle = (): void => {};
  const done = new Promise<void>((resolve) => {
    settle = resolve;
  });
  return { done, settle };
}
