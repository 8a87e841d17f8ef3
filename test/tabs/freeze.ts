/**
 * Freezing tabs, as a browser does with those in the background. Playwright gives each of its pages the
 * focus, and a page that has it is never frozen: these tabs are in a browser of their own, to which
 * Playwright is connected without changing anything.
 */
import { type BrowserContext, chromium, type Page } from "playwright";
import { expect, inject, onTestFinished } from "vitest";
import { freePort } from "../support/free-port.ts";

/** Tabs that can be frozen; closed when the test ends. */
export async function freezableContext(): Promise<BrowserContext> {
  const { args, ...launch } = inject("chromium");
  const port = await freePort();
  const browser = await chromium.launch({
    ...launch,
    args: [...args, `--remote-debugging-port=${port}`],
    headless: true,
  });
  onTestFinished(() => browser.close());
  const endpoint = `http://127.0.0.1:${port}`;
  // The browser is there before its port is.
  const answers = (): Promise<boolean> =>
    fetch(`${endpoint}/json/version`).then(
      ({ ok }) => ok,
      () => false,
    );
  await expect.poll(answers, { timeout: 30_000, interval: 50 }).toBe(true);
  const connected = await chromium.connectOverCDP(endpoint, { noDefaults: true });
  const [context] = connected.contexts();
  if (!context) throw new Error("Cannot freeze tabs: the browser has no context");
  return context;
}

/** Freezes a tab; what it answers with thaws it. */
export async function freeze(page: Page): Promise<() => Promise<void>> {
  await page.evaluate(() => {
    document.addEventListener("freeze", () => Object.assign(window, { isFrozen: true }));
  });
  const session = await page.context().newCDPSession(page);
  await session.send("Page.setWebLifecycleState", { state: "frozen" });
  await expect
    .poll(() => page.evaluate(() => "isFrozen" in window), { timeout: 30_000 })
    .toBe(true);
  return async () => {
    await session.send("Page.setWebLifecycleState", { state: "active" });
  };
}
