/**
 * A page that the browser prerenders, from its address bar or by speculation rules: until the user opens it, Chromium
 * lets it reach no worker.
 */

const here = (): (EventTarget & { readonly prerendering?: boolean }) | undefined =>
  globalThis.document;

export const isPrerendered = (): boolean => here()?.prerendering === true;

/** Resolves when the page is opened; rejects when `ended` is aborted. */
export const activation = (ended: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    here()?.addEventListener("prerenderingchange", () => resolve(), { once: true });
    ended.addEventListener("abort", () => reject(ended.reason), { once: true });
  });
