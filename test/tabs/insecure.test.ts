/** A page over plain http from a host that is not this machine: no Web Crypto, no Web Locks. */
import { expect, it } from "vitest";
import { fetchOf } from "./tab-calls.ts";
import { bareAddress, credentials, hasStatus, HOUR, setUp, useBrowser } from "./real-tabs.ts";

useBrowser();

it("an insecure context: unavailable, and a sign-in lives in memory only [S8 F6 P16]", async () => {
  const stage = await setUp();
  const { api, context, url } = stage;
  // A name that leads nowhere: both servers are answered for here.
  const origin = "http://insecure.test";
  await context.route(`${origin}/**`, async (route) => {
    const { pathname, search } = new URL(route.request().url());
    await route.fulfill({
      response: await route.fetch({ url: bareAddress() + pathname + search }),
    });
  });
  // Without this the browser would keep the page from a server on loopback.
  await context.route(`${url}/**`, async (route) =>
    route.fulfill({ response: await route.fetch() }),
  );
  const page = await context.newPage();
  await page.goto(`${origin}/?config=${encodeURIComponent(JSON.stringify({ api: url }))}`);
  expect(await page.evaluate(() => [isSecureContext, "subtle" in crypto])).toEqual([false, false]);

  await hasStatus(page, "unavailable");
  expect(await fetchOf(page)).toMatchObject({ result: "store_unavailable" });

  await page.evaluate((given) => window.vault.signIn(given), credentials);
  await hasStatus(page, "signed-in");
  expect(await page.evaluate(() => window.vault.snapshot().persisted)).toBe(false);
  expect(await fetchOf(page)).toMatchObject({ result: "200" });
  await stage.jump(25 * HOUR);
  expect(await fetchOf(page)).toMatchObject({ result: "200" });
  expect(api.counters()).toMatchObject({ tokenCalls: 1, reuseDetections: 0 });

  // Never plaintext: rather nothing at all.
  const kept = await page.evaluate(() => window.kit.dumpDatabases());
  for (const secret of stage.secrets) expect(kept).not.toContain(secret);
});
