/** What every stage of pages begins with: a real browser, and scripts for its pages. */
import path from "node:path";
import { build } from "esbuild";
import { type Browser, chromium, firefox, type Page } from "playwright";
import { inject } from "vitest";

export const launch = (which: "chromium" | "firefox" = "chromium"): Promise<Browser> =>
  which === "chromium"
    ? chromium.launch({ ...inject("chromium"), headless: true })
    : firefox.launch({ ...(inject("firefox") as object), headless: true });

/** A script of this folder; tsconfig's paths lead `tokenkeep/…` to the sources. */
export async function bundle(name: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [path.join(import.meta.dirname, name)],
    bundle: true,
    format: "esm",
    target: "es2022",
    write: false,
    logLevel: "silent",
  });
  return outputFiles[0]?.text ?? "";
}

/**
 * Loads a page anew past its service worker and the cache, in Chromium. The browser has only taken the
 * command when it answers: the page is the old one until the new one is loaded.
 */
export async function hardReload(page: Page): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const loaded = page.waitForEvent("load");
  await session.send("Page.reload", { ignoreCache: true });
  await loaded;
}
