/** The side of `network-faults.ts` that runs in Node, beside Playwright. */
import type { Page } from "playwright";
import type { BrowserCommand } from "vitest/node";

interface Fault {
  readonly at: number;
  readonly text: string;
}

/** More than so many say nothing more. */
const MOST = 20;

const faults = new WeakMap<Page, Fault[]>();

/** Listens to a page from the first call on. */
function heardOn(page: Page): readonly Fault[] {
  const known = faults.get(page);
  if (known) return known;
  const heard: Fault[] = [];
  faults.set(page, heard);
  page.on("requestfailed", (request) => {
    const { errorText = "no reason told" } = request.failure() ?? {};
    heard.push({ at: Date.now(), text: `${request.method()} ${request.url()}: ${errorText}` });
    if (heard.length > MOST) heard.shift();
  });
  return heard;
}

export const networkFaults: BrowserCommand<[since: number]> = ({ page }, since) =>
  heardOn(page)
    .filter(({ at }) => at >= since)
    .map(({ text }) => text);
