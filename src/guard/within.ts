/** Waits for a limited time. */

/** The value of `promise`, or `undefined` if it takes longer than `ms` milliseconds. */
export async function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => {
    // Above 2^31 it would fire at once (F15).
    timer = setTimeout(() => resolve(undefined), Math.min(ms, 1e9));
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
