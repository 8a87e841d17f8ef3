/** How a page's vault ends: its calls at once, and its link to the worker when the last sign-out was heard. */

export interface Closing {
  /** Aborted when the vault is closed. */
  readonly ended: AbortSignal;
  /** Aborted when the vault is closed, and no sign-out waits for the worker any more. */
  readonly left: AbortSignal;
  /** Keeps the link for a sign-out: nobody needs to wait for one before closing (S14). */
  linger<Said>(signOut: Promise<Said>): Promise<Said>;
  /** Resolves when the link is left. */
  close(reason: unknown): Promise<void>;
}

export function createClosing(): Closing {
  const ending = new AbortController();
  const leaving = new AbortController();
  const signOuts = new Set<Promise<unknown>>();

  function leave(): void {
    if (ending.signal.aborted && signOuts.size === 0) leaving.abort(ending.signal.reason);
  }

  return {
    ended: ending.signal,
    left: leaving.signal,
    async linger(signOut) {
      signOuts.add(signOut);
      try {
        return await signOut;
      } finally {
        signOuts.delete(signOut);
        leave();
      }
    },
    async close(reason) {
      ending.abort(reason);
      leave();
      await Promise.allSettled(signOuts);
    },
  };
}
