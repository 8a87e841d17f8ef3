/** What outlives a page, what does not, and who hears of it. */
import type { Page } from "playwright";
import { describe, expect, it } from "vitest";
import { fetchOf } from "./tab-calls.ts";
import { credentials, hasStatus, HOUR, setUp, useBrowser } from "./real-tabs.ts";

useBrowser();

const dump = (page: Page): Promise<string> => page.evaluate(() => window.kit.dumpDatabases());

describe("reload", () => {
  it("the session is kept, across a refresh too, and nobody signs in again [P6]", async () => {
    const stage = await setUp();
    const { api } = stage;
    const [page] = await stage.openSignedIn(1);
    await page.reload();
    await hasStatus(page, "signed-in");
    expect(await fetchOf(page)).toMatchObject({ result: "200" });

    await stage.jump(25 * HOUR);
    expect(await fetchOf(page)).toMatchObject({ result: "200" });
    await page.reload();
    expect(await fetchOf(page)).toMatchObject({ result: "200" });
    expect(api.counters()).toMatchObject({ signIns: 1, tokenCalls: 1, reuseDetections: 0 });
  });

  it("no token stands in IndexedDB in the clear, nor anywhere else in the page's storage [S8]", async () => {
    const stage = await setUp();
    const [page] = await stage.openSignedIn(1);
    const sessionId = await page.evaluate(
      () => window.kit.events.find(({ type }) => type === "signed-in")?.sessionId,
    );
    await stage.jump(25 * HOUR);
    expect(await fetchOf(page)).toMatchObject({ result: "200" });
    expect(stage.secrets).toHaveLength(4);

    const kept = await dump(page);

    // What may be read is found, so that what is not found is not there.
    expect(kept).toContain(sessionId);
    expect(kept).toContain("key, extractable: false");
    const elsewhere = await page.evaluate(() =>
      JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, location.href]),
    );
    for (const secret of [...stage.secrets, credentials.password]) {
      expect(kept).not.toContain(secret);
      expect(elsewhere).not.toContain(secret);
      // Nor a part of it: a JWT's three are joined by dots.
      for (const part of secret.split(".")) expect(kept).not.toContain(part);
    }
  });

  it("no token on a BroadcastChannel or in a lock's name [S4 F30]", async () => {
    const stage = await setUp();
    await stage.context.addInitScript(() => {
      const said: string[] = [];
      Object.assign(window, { said });
      const { postMessage } = BroadcastChannel.prototype;
      BroadcastChannel.prototype.postMessage = function (message: unknown) {
        said.push(this.name, JSON.stringify(message));
        postMessage.call(this, message);
      };
      const { request } = LockManager.prototype;
      LockManager.prototype.request = function (this: LockManager, ...args: unknown[]) {
        said.push(`lock ${String(args[0])}`);
        return (request as (...all: unknown[]) => Promise<unknown>).apply(this, args);
      } as typeof request;
    });
    const [page, other] = await stage.openSignedIn(2);
    await stage.jump(25 * HOUR);
    await Promise.all([fetchOf(page), fetchOf(other!)]);
    await page.evaluate(() => window.vault.signOut());
    await hasStatus(other!, "signed-out");

    const heard = [page, other!].map((one) =>
      one.evaluate(() => JSON.stringify((window as unknown as { said: string[] }).said)),
    );
    const all = (await Promise.all(heard)).join("\n");

    expect(all).toContain("generation");
    expect(all).toContain("lock ");
    expect(stage.secrets).toHaveLength(4);
    for (const secret of [...stage.secrets, credentials.password]) {
      expect(all).not.toContain(secret);
    }
  });
});

describe("sign-out in one tab", () => {
  it("reaches all others, and their requests say so [P4 S14]", async () => {
    const stage = await setUp();
    const pages = await stage.openSignedIn(5);

    await pages[0].evaluate(() => window.vault.signOut());

    await Promise.all(pages.map((page) => hasStatus(page, "signed-out")));
    const ends = await Promise.all(pages.map(fetchOf));
    expect(ends.map(({ result }) => result)).toEqual(pages.map(() => "no_session"));
    // The key went with the record, and what was sealed with it.
    expect(await dump(pages[1]!)).not.toContain("key, extractable");
    await pages[1]!.reload();
    await hasStatus(pages[1]!, "signed-out");
  });

  it("reaches a tab without BroadcastChannel within maxStaleness [P4]", async () => {
    const stage = await setUp();
    const maxStaleness = 5_000;
    const [page] = await stage.openSignedIn(1, { maxStaleness });
    await stage.context.addInitScript(() => Reflect.deleteProperty(window, "BroadcastChannel"));
    const deaf = await stage.open({ maxStaleness });
    await hasStatus(deaf, "signed-in");
    expect(await deaf.evaluate(() => "BroadcastChannel" in window)).toBe(false);

    await page.evaluate(() => window.vault.signOut());
    await stage.jump(maxStaleness);

    expect(await fetchOf(deaf)).toMatchObject({ result: "no_session" });
    await hasStatus(deaf, "signed-out");
    expect(stage.api.counters().byPath["GET /v1/me"]).toBeUndefined();
  });

  it("a refresh whose reply comes after it does not bring the session back [P4 F24]", async () => {
    const stage = await setUp();
    const { api } = stage;
    const [page, other] = await stage.openSignedIn(2);
    const gate = api.gate("refresh", "after");
    await stage.jump(25 * HOUR);
    const call = fetchOf(page);
    await gate.arrived;

    await other!.evaluate(() => window.vault.signOut());
    gate.release();

    expect((await call).result).toMatch(/^(no_session|closed)$/);
    await Promise.all([page, other!].map((one) => hasStatus(one, "signed-out")));
    await page.reload();
    await hasStatus(page, "signed-out");
    expect(await dump(page)).not.toContain("key, extractable");
  });

  it("a sign-in afterwards reaches all tabs too [P3 P4]", async () => {
    const stage = await setUp();
    const pages = await stage.openSignedIn(3);
    await pages[0].evaluate(() => window.vault.signOut());
    await Promise.all(pages.map((page) => hasStatus(page, "signed-out")));

    await pages[1]!.evaluate((given) => window.vault.signIn(given), credentials);

    await Promise.all(pages.map((page) => hasStatus(page, "signed-in")));
    const ends = await Promise.all(pages.map(fetchOf));
    expect(ends.map(({ result }) => result)).toEqual(["200", "200", "200"]);
  });
});
