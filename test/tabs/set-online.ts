/** The network of a browser's tabs goes away and comes back. */
import type { BrowserContext, Page } from "playwright";
import { expect } from "vitest";

/** Whether what the page's own script asks its own server gets an answer. */
const isAnswered = (page: Page): Promise<boolean> =>
  page.evaluate(() =>
    fetch("/", { cache: "no-store" }).then(
      () => true,
      () => false,
    ),
  );

/**
 * Switches the network of all tabs, and waits until their requests feel it: when the browser answers it has only
 * taken the command, and passes it on to the process that sends.
 */
export async function setOnline(context: BrowserContext, isOnline: boolean): Promise<void> {
  await context.setOffline(!isOnline);
  const message = isOnline ? "a tab's requests are answered" : "a tab's requests fail";
  for (const page of context.pages())
    await expect.poll(() => isAnswered(page), { interval: 20, message }).toBe(isOnline);
}
