/** A thousand requests of one page at once: GETs, POSTs with a text, POSTs as `Request`, in turn. */
import { expect, it } from "vitest";
import type { Config } from "./page-script.ts";
import { HOUR, reaches, setUp, useBrowser } from "./real-tabs.ts";

useBrowser();

const COUNT = 1_000;
/** More than what must lie between a refresh and the next one that a 401 begins, less than an exchange may take. */
const LONG_AFTER = 6_000;
/** A refresh waits for one of the browser's six connections to come free, on a busy machine for long: no time passes. */
const timeless = (): Partial<Config> => ({ still: Date.now() });
const all = { results: { 200: COUNT } };

it("all answered 401: one token call, 1,000 of 1,000, each sent twice at most [P1 P11 P12]", async () => {
  const stage = await setUp();
  const { api } = stage;
  const [page] = await stage.openSignedIn(1, timeless());
  api.expireAccessTokens();

  const tally = await page.evaluate((count) => window.kit.burst(count), COUNT);

  expect(tally).toMatchObject(all);
  expect(api.counters()).toMatchObject({
    tokenCalls: 1,
    refreshed: 1,
    reuseDetections: 0,
    unauthorized: COUNT,
    maxSendsPerRequestId: 2,
  });
  expect(Object.keys(api.counters().sends)).toHaveLength(COUNT);
});

it("401s that arrive late and spread out: still one token call [P11 P12]", async () => {
  const stage = await setUp();
  const { api } = stage;
  const [page] = await stage.openSignedIn(1, timeless());
  api.expireAccessTokens();
  // Three of the browser's six connections: their requests are turned down at once, but hear of it
  // one by one, long after the refresh that the others' 401s have caused.
  const late = [api.gate("api", "after"), api.gate("api", "after"), api.gate("api", "after")];

  const burst = page.evaluate((count) => window.kit.burst(count), COUNT);
  // 997 are through, each sent twice; a held one was sent once, or is still held.
  const sends = (): number[] => Object.values(api.counters().sends);
  await reaches(() => sends().filter((times) => times === 2).length, COUNT - late.length);
  // From then on a 401 of the new token would begin a refresh.
  await stage.jump(LONG_AFTER);
  for (const [index, gate] of late.entries()) {
    gate.release();
    await reaches(
      () => sends().filter((times) => times === 2).length,
      COUNT - late.length + index + 1,
    );
  }

  expect(await burst).toMatchObject(all);
  expect(api.counters()).toMatchObject({
    tokenCalls: 1,
    unauthorized: COUNT,
    maxSendsPerRequestId: 2,
  });
}, 240_000);

it("the first refresh answered 503: two token calls, 1,000 of 1,000 [P1 P17]", async () => {
  const stage = await setUp();
  const { api } = stage;
  const [page] = await stage.openSignedIn(1);
  api.expireAccessTokens();
  api.fault("refresh", { status: 503 });

  const tally = await page.evaluate((count) => window.kit.burst(count), COUNT);

  expect(tally).toMatchObject(all);
  expect(api.counters()).toMatchObject({
    tokenCalls: 2,
    refreshed: 1,
    reuseDetections: 0,
    maxSendsPerRequestId: 2,
  });
});

it("an expired token: nothing is sent before the refresh, 1,000 of 1,000 [P1]", async () => {
  const stage = await setUp();
  const { api } = stage;
  const [page] = await stage.openSignedIn(1);
  await stage.jump(25 * HOUR);

  const tally = await page.evaluate((count) => window.kit.burst(count), COUNT);

  expect(tally).toMatchObject(all);
  expect(api.counters()).toMatchObject({
    tokenCalls: 1,
    unauthorized: 0,
    maxSendsPerRequestId: 1,
  });
});
