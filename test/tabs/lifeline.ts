/**
 * Lifelines: a request that a tab or a worker makes and nobody answers. Its connection closes when the
 * one that made it is gone for good, which is later than the browser says so. Each goes to a host of
 * its own, because a browser opens no more than six connections to one.
 */
import type { Page } from "playwright";
import { deferred } from "../apis/gates.ts";

interface Ends {
  readonly arrived: () => void;
  readonly ended: () => void;
}

const open = new Map<string, Ends>();
let count = 0;

/** The server's side: the request is held until its connection closes. */
export function answerLifeline({ url, signal }: Request): Promise<Response> {
  const ends = open.get(new URL(url).searchParams.get("id") ?? "");
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => {
      ends?.ended();
      resolve(new Response());
    });
    ends?.arrived();
  });
}

/**
 * Has `begin` make a request to the address that it is given, and waits until it has come. The answer
 * waits until the one that made the request is gone. `page` is any page of the site.
 */
export async function lifeline(
  page: Page,
  begin: (address: string) => Promise<unknown>,
): Promise<() => Promise<void>> {
  const id = String((count += 1));
  const [arrived, ended] = [deferred<void>(), deferred<void>()];
  open.set(id, { arrived: arrived.resolve, ended: ended.resolve });
  const address = new URL(`/lifeline?id=${id}`, page.url());
  address.hostname = `lifeline-${id}.localhost`;
  await begin(address.href);
  await arrived.promise;
  return () => ended.promise;
}

/** Closes a tab, and waits until nothing of it runs any more. */
export async function closeTab(page: Page): Promise<void> {
  const isGone = await lifeline(page, (address) =>
    page.evaluate((url) => void fetch(url, { mode: "no-cors" }).catch(() => {}), address),
  );
  await page.close();
  await isGone();
}
