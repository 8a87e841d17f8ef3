/**
 * Lifelines: a request that a tab or a worker makes and nobody answers. Its connection closes when the
 * one that made it is gone for good, which is later than the browser says so. Each goes to a host of
 * its own, because a browser opens no more than six connections to one.
 */
import type { Page } from "playwright";
import { expect } from "vitest";
import { deferred } from "../apis/gates.ts";

interface Held {
  readonly arrived: () => void;
  isOver: boolean;
}

const open = new Map<string, Held>();
let count = 0;

/** The server's side: the request is held until its connection closes. */
export function answerLifeline({ url, signal }: Request): Promise<Response> {
  const held = open.get(new URL(url).searchParams.get("id") ?? "");
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => {
      if (held) held.isOver = true;
      resolve(new Response());
    });
    held?.arrived();
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
  const arrived = deferred<void>();
  const held: Held = { arrived: arrived.resolve, isOver: false };
  open.set(id, held);
  const address = new URL(`/lifeline?id=${id}`, site);
  address.hostname = `lifeline-${id}.localhost`;
  await begin(address.href);
  await arrived.promise;
  const message = "what was to end is gone, as the server sees it";
  return async () => {
    await expect.poll(() => held.isOver, { timeout: 30_000, interval: 20, message }).toBe(true);
  };
}

/** Closes a tab, and waits until nothing of it runs any more. */
export async function closeTab(page: Page): Promise<void> {
  const isGone = await lifeline(page.url(), (address) => page.evaluate(hold, address));
  await page.close();
  await isGone();
}

/** Runs in the tab. A request that does not get through, because the network has just changed, is made anew. */
function hold(url: string): void {
  fetch(url, { mode: "no-cors" }).catch(() => setTimeout(hold, 50, url));
}
