/** Ten tabs and tokens that live for seconds, against a certified server that rotates and punishes every reuse. */
import type { Page } from "playwright";
import { describe, expect, it } from "vitest";
import { outcomeOf, setUpLogin, statusOf, useSite } from "./oauth-stage.ts";

useSite();

const TABS = 10;
/** Seconds that a token lives. */
const LIFE = 3;
/** Milliseconds of requests: several lives. */
const WORK = 12_000;

type Worked = { sent: number; failed: string[] };

const workOf = (page: Page, ms = WORK): Promise<Worked> =>
  page.evaluate((given) => window.signIn.work(given), ms);

describe.each([
  ["each page", false],
  ["a shared worker", true],
])("ten tabs with the vault in %s, a token's life of three seconds", (_, isShared) => {
  it("not one failed request and not one reuse, with tabs closed and the server restarted [P1 P2 F1]", async () => {
    const stage = await setUpLogin({ isShared, life: LIFE });
    const first = await stage.openSignedIn();
    const pages = [first];
    for (let n = 1; n < TABS; n++) pages.push(await stage.open(`/${n}`));
    for (const page of pages) await expect.poll(() => statusOf(page)).toBe("signed-in");
    const started = performance.now();
    const working = pages.slice(3).map((page) => workOf(page));
    const closed = pages.slice(0, 3).map((page) => workOf(page).catch(() => undefined));
    // In mid-work: three tabs go, and the server for half a second.
    for (const page of pages.slice(0, 3)) {
      await page.waitForTimeout(WORK / 6);
      await page.close();
    }
    await stage.restart(500);
    const worked = await Promise.all(working);
    await Promise.all(closed);
    const lives = (performance.now() - started) / (LIFE * 1_000);
    expect(worked.flatMap(({ failed }) => failed)).toEqual([]);
    expect(worked.every(({ sent }) => sent > 0)).toBe(true);
    expect(stage.told).toMatchObject({ errors: [], reuses: 0, logins: 1 });
    // As many refreshes as lives, whatever the number of tabs: a life is over at its soft time.
    expect(stage.told.refreshes).toBeGreaterThan(1);
    expect(stage.told.refreshes).toBeLessThanOrEqual(Math.ceil(lives / 0.7) + 1);
    // Who comes now finds the session.
    const late = await stage.open("/late");
    expect(await outcomeOf(late)).toBe("none");
    expect((await workOf(late, 1)).failed).toEqual([]);
    expect(stage.told).toMatchObject({ errors: [], reuses: 0 });
  });
});
