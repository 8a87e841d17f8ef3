/** Waits until who waits gives up. */

/** Rejects with the signal's reason when its owner gives up; what was waited for goes on (P14). */
export async function unlessAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal | null | undefined,
): Promise<T> {
  const over = new AbortController();
  const givenUp = new Promise<never>((_, reject) => {
    signal?.throwIfAborted();
    signal?.addEventListener("abort", () => reject(signal.reason), { signal: over.signal });
  });
  try {
    return await Promise.race([promise, givenUp]);
  } finally {
    over.abort();
  }
}
