/** What tests have tabs do: calls of their vaults, one or many, and how these end. */
import type { Page } from "playwright";
import type { Ended, Tally } from "./page-script.ts";
import { credentials, type Stage } from "./real-tabs.ts";

export const TABS = 10;

/** How a call of the API through the tab's vault ends. */
export const fetchOf = (page: Pick<Page, "evaluate">): Promise<Ended> =>
  page.evaluate(() => window.kit.call(() => window.vault.fetch(`${window.kit.api}/v1/me`)));

export const tokenOf = (page: Page): Promise<Ended> =>
  page.evaluate(() => window.kit.call(() => window.vault.getToken()));

export const signIn = (
  page: Pick<Page, "evaluate">,
  given: typeof credentials = credentials,
): Promise<Ended> =>
  page.evaluate((given) => window.kit.call(() => window.vault.signIn(given)), given);

export const resultsOf = (ends: readonly Ended[]): string[] => ends.map(({ result }) => result);

/** Each page's way to end, in turn. */
export const fetchAll = async (pages: readonly Page[]): Promise<string[]> =>
  resultsOf(await Promise.all(pages.map(fetchOf)));

export const all = (pages: readonly unknown[], result: string): string[] => pages.map(() => result);

/** So many requests in each tab, all at once; no two have the same number. */
export const burstEverywhere = ({ context }: Stage, each: number): Promise<Tally[]> =>
  Promise.all(
    context
      .pages()
      .map((page, tab) =>
        page.evaluate(([count, first]) => window.kit.burst(count, first), [
          each,
          tab * each,
        ] as const),
      ),
  );
