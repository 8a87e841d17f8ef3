/** Ten tabs and tokens that live for seconds, against a certified server that rotates and punishes every reuse. */
import type { Page } from "playwright";
import { describe, expect, it } from "vitest";
import { outcomeOf, setUpLogin, statusOf, useSite } from "./oauth-stage.ts";
import { closeTab } from "./lifeline.ts";
import { killWorker } from "./tabs-and-workers.ts";

useSite();

const TABS = 10;
/**
 * Seconds that a token lives. The server counts in whole ones, so that a token may end a second before it
 * says: within the tenth of a life that callers keep away from its end.
 */
const LIFE = 10;
/** How many refreshes the server is to see. */
const REFRESHES = 6;

type Worked = { sent: number; failed: string[] };

const workOf = (page: Page): Promise<Worked> => page.evaluate(() => window.signIn.work());

const generationOf = (page: Page): Promise<number> =>
  page.evaluate(() => window.signIn.vault.snapshot().generation ?? 0);

/**
 * Waits until all of these tabs have the tokens of one more refresh. The next one is seconds away, so that
 * nobody's reply is lost with what goes then: lost replies are for the protocol's own tests. That the
 * server has counted a refresh is not enough, because its reply is still to come.
 */
async function nextGeneration(pages: readonly Page[]): Promise<void> {
  const before = await generationOf(pages[0]!);
  const lowest = async (): Promise<number> =>
    Math.min(...(await Promise.all(pages.map(generationOf))));
  await expect.poll(lowest, { timeout: 60_000 }).toBeGreaterThan(before);
}

const isDone = (page: Page): Promise<void> =>
  page.evaluate(() => void (window.signIn.isDone = true));

describe.each([
  ["each page", "page"],
  ["a shared worker", "shared"],
] as const)("ten tabs with the vault in %s, a token's life of ten seconds", (_, runBy) => {
  it("not one failed request and not one reuse, with tabs closed, the worker killed and the server restarted [P1 P2 F1]", async () => {
    const stage = await setUpLogin({ runBy, life: LIFE });
    const { told, context, api: url } = stage;
    const first = await stage.openSignedIn();
    const pages = [first];
    for (let n = 1; n < TABS; n++) pages.push(await stage.open(`/${n}`));
    for (const page of pages) await expect.poll(() => statusOf(page)).toBe("signed-in");
    const [going, staying] = [pages.slice(0, 3), pages.slice(3)];
    const gone = going.map((page) => workOf(page).catch(() => undefined));
    const working = staying.map(workOf);

    // In mid-work: three tabs go, one after the other, and the server for a moment.
    for (const [index, page] of going.entries()) {
      await nextGeneration([...going.slice(index), ...staying]);
      await closeTab(page);
    }
    if (runBy === "shared") {
      await nextGeneration(staying);
      await killWorker({ context, url }, "shared_worker");
    }
    await nextGeneration(staying);
    await stage.restart();
    await expect.poll(() => told.refreshes, { timeout: 60_000 }).toBeGreaterThanOrEqual(REFRESHES);
    await Promise.all(staying.map(isDone));
    const worked = await Promise.all(working);
    await Promise.all(gone);

    expect(worked.flatMap(({ failed }) => failed)).toEqual([]);
    expect(told).toMatchObject({ errors: [], reuses: 0, logins: 1 });
    // Who comes now finds the session.
    const late = await stage.open("/late");
    expect(await outcomeOf(late)).toBe("none");
    await isDone(late);
    expect((await workOf(late)).failed).toEqual([]);
    expect(told).toMatchObject({ errors: [], reuses: 0 });
    const sent = worked.reduce((sum, one) => sum + one.sent, 0);
    console.info(`${sent} requests, ${told.refreshes} refreshes, ${told.reuses} reuses`);
  }, 240_000);
});

describe("the server of these tests", () => {
  it("punishes a reuse, and says so", async () => {
    const stage = await setUpLogin({ life: LIFE });
    await stage.context.addInitScript(() => {
      const real = window.fetch;
      window.fetch = async (...request) => {
        const reply = await real(...request);
        if (reply.url.endsWith("/token")) Object.assign(window, await reply.clone().json());
        return reply;
      };
    });
    const page = await stage.openSignedIn();
    const spent = await page.evaluate(() => String(Reflect.get(window, "refresh_token")));
    const body = new URLSearchParams({
      grant_type: "refresh_token",
      client_id: "tabs",
      refresh_token: spent,
    });
    const spend = async (): Promise<number> =>
      (await fetch(`${stage.issuer}/token`, { method: "POST", body })).status;
    expect([await spend(), await spend()]).toEqual([200, 400]);
    expect(stage.told).toMatchObject({ reuses: 1, errors: [expect.stringContaining("used")] });
  });
});
