/**
 * Lifelines: a request that a tab or a worker makes and nobody answers. Its connection closes when the
 * one that made it is gone for good, which is later than the browser says so. Each goes to a host of
 * its own, because a browser opens no more than six connections to one.
 */
import type { Page } from "playwright";
import { expect } from "vitest";

interface Held {
  hasArrived: boolean;
  /** How many connections wait: one that did not hold is followed by another. */
  waiting: number;
}

const open = new Map<string, Held>();
let count = 0;

/** The server's side: the request is held until its connection closes. */
export function answerLifeline({ url, signal }: Request): Promise<Response> {
  const held = open.get(new URL(url).searchParams.get("id") ?? "");
  if (held) {
    held.hasArrived = true;
    held.waiting += 1;
  }
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => {
      if (held) held.waiting -= 1;
      resolve(new Response());
    });
  });
}

/**
 * Has `begin` make a request to the address that it is given, and waits until it has come. The answer
 * waits until the one that made the request is gone. `site` is any address of the site.
 */
export async function lifeline(
  site: string,
  begin: (address: string) => Promise<unknown>,
): Promise<() => Promise<void>> {
  const id = String((count += 1));
  const held: Held = { hasArrived: false, waiting: 0 };
  open.set(id, held);
  const address = new URL(`/lifeline?id=${id}`, site);
  address.hostname = `lifeline-${id}.localhost`;
  await begin(address.href);
  const poll = { timeout: 30_000, interval: 20 };
  const come = "what is to end has made its request, as the server sees it";
  await expect.poll(() => held.hasArrived, { ...poll, message: come }).toBe(true);
  const gone = "what was to end is gone, as the server sees it";
  return async () => {
    await expect.poll(() => held.waiting, { ...poll, message: gone }).toBe(0);
  };
}

/** Closes a tab, and waits until nothing of it runs any more. */
export async function closeTab(page: Page): Promise<void> {
  const isGone = await lifeline(page.url(), (address) => page.evaluate(hold, address));
  await page.close();
  await isGone();
}

/**
 * Runs in the tab, or in the worker. A request that does not get through, because the network has just changed,
 * is made anew.
 */
export function hold(url: string): void {
  fetch(url, { mode: "no-cors" }).catch(() => setTimeout(hold, 50, url));
}
