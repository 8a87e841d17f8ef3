/**
 * A page that the browser prerenders, from its address bar or by speculation rules: until the user opens it, Chromium
 * lets it reach no worker.
 */

const here = (): (EventTarget & { readonly prerendering?: boolean }) | undefined =>
  globalThis.document;

export const isPrerendered = (): boolean => here()?.prerendering === true;

/** Resolves when the page is opened; rejects with the reason of the signal that is aborted before. */
export async function activation(
  givenUp: readonly (AbortSignal | null | undefined)[],
): Promise<void> {
  const over = new AbortController();
  const { signal } = over;
  try {
    await new Promise<void>((resolve, reject) => {
      here()?.addEventListener("prerenderingchange", () => resolve(), { signal });
      for (const one of givenUp) {
        one?.throwIfAborted();
        one?.addEventListener("abort", () => reject(one.reason), { signal });
      }
    });
  } finally {
    over.abort();
  }
}
