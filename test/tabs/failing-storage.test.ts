/** Storage that is denied, full, silent or gone, and pages without a secure context. */
import type { Page } from "playwright";
import { describe, expect, it } from "vitest";
import { fetchOf, signIn } from "./tab-calls.ts";
import { hasStatus, HOUR, setUp, useBrowser } from "./real-tabs.ts";

useBrowser();

const snapshotOf = (page: Page): Promise<{ status: string; persisted: boolean }> =>
  page.evaluate(() => window.vault.snapshot());

/** Ways in which a browser keeps a page from its database; each runs before the page's script. */
const denials: [string, () => void][] = [
  [
    "denied [S8]",
    () => {
      IDBFactory.prototype.open = () => {
        throw new DOMException("The operation is insecure.", "SecurityError");
      };
    },
  ],
  [
    "full [F25]",
    () => {
      IDBObjectStore.prototype.put = () => {
        throw new DOMException("No space is left.", "QuotaExceededError");
      };
    },
  ],
  ["missing", () => Object.defineProperty(window, "indexedDB", { value: undefined })],
  [
    "unable to keep keys [F27]",
    () => {
      const put = IDBObjectStore.prototype.put;
      IDBObjectStore.prototype.put = function (value: unknown, key?: IDBValidKey) {
        const { keys, ...rest } = value as { keys?: object };
        return put.call(this, keys ? { ...rest, keys: { seal: null } } : value, key);
      };
    },
  ],
];

describe("storage", () => {
  it.each(denials)(
    "%s: a sign-in lives in memory and says so, nothing stands in the clear [P16]",
    async (_, deny) => {
      const stage = await setUp();
      await stage.context.addInitScript(deny);
      const page = await stage.open();

      expect(await signIn(page)).toMatchObject({ result: "ok" });

      expect(await snapshotOf(page)).toMatchObject({ status: "signed-in", persisted: false });
      expect(await fetchOf(page)).toMatchObject({ result: "200" });
      await stage.jump(25 * HOUR);
      expect(await fetchOf(page)).toMatchObject({ result: "200" });
      expect(stage.api.counters()).toMatchObject({ tokenCalls: 1, reuseDetections: 0 });
      const types = await page.evaluate(() => window.kit.events.map(({ type }) => type));
      expect(types.filter((type) => type === "unpersisted")).toHaveLength(1);
      const kept = await page.evaluate(() => window.kit.dumpDatabases().catch(() => ""));
      for (const secret of stage.secrets) expect(kept).not.toContain(secret);
    },
  );

  it("denied, nobody signed in here: unavailable, never signed out [P16 S8]", async () => {
    const stage = await setUp();
    const [signedIn] = await stage.openSignedIn(1);
    await stage.context.addInitScript(denials[0]![1]);
    const page = await stage.open();

    await hasStatus(page, "unavailable");
    const ended = await fetchOf(page);

    expect(ended.result).toBe("store_unavailable");
    expect(ended.message).toContain("nothing is lost");
    await hasStatus(page, "unavailable");
    // The other tab, which can reach it, still has its session.
    expect(await fetchOf(signedIn)).toMatchObject({ result: "200" });
  });

  it("an open that never answers: the session is not taken for gone [P16 F26]", async () => {
    const stage = await setUp();
    await stage.context.addInitScript(() => {
      const { open } = IDBFactory.prototype;
      IDBFactory.prototype.open = function (...args: Parameters<typeof open>) {
        const request = open.apply(this, args);
        // What comes is for nobody: the request stays pending for whoever asked.
        Object.defineProperty(request, "onsuccess", { set: () => {} });
        Object.defineProperty(request, "oncomplete", { set: () => {} });
        return request;
      };
    });
    const page = await stage.open();
    await hasStatus(page, "unavailable");
    expect(await fetchOf(page)).toMatchObject({ result: "store_unavailable" });
  });

  it("lost in mid-session: the token serves on, and nothing is spent [P16 F13]", async () => {
    const stage = await setUp();
    const [page] = await stage.openSignedIn(1, { patience: 1_000 });
    // All that the store does from here on fails.
    await page.evaluate(() => {
      IDBDatabase.prototype.transaction = () => {
        throw new DOMException("The connection was lost.", "UnknownError");
      };
    });

    await stage.jump(20 * HOUR);
    expect(await fetchOf(page)).toMatchObject({ result: "200" });
    await stage.jump(5 * HOUR);
    expect((await fetchOf(page)).result).toMatch(/^(store_unavailable|refresh_failed)$/);
    expect((await snapshotOf(page)).status).toBe("signed-in");
    expect(stage.api.counters().tokenCalls).toBe(0);

    // It was lost for this page only: the next one goes on with the session.
    await page.reload();
    expect(await fetchOf(page)).toMatchObject({ result: "200" });
    expect(stage.api.counters()).toMatchObject({ signIns: 1, tokenCalls: 1 });
  });

  it("the database deleted by another tab: not blocked, reads as signed out, works again [F25 F29]", async () => {
    const stage = await setUp();
    const [page, other] = await stage.openSignedIn(2);

    const deleted = await other!.evaluate(
      () =>
        new Promise<string>((resolve) => {
          const request = indexedDB.deleteDatabase("tokenkeep");
          request.onsuccess = () => resolve("deleted");
          request.onblocked = () => resolve("blocked");
        }),
    );

    expect(deleted).toBe("deleted");
    await stage.jump(60_001);
    expect(await fetchOf(page)).toMatchObject({ result: "no_session" });
    expect(await signIn(page)).toMatchObject({ result: "ok" });
    await hasStatus(other!, "signed-in");
    expect(await snapshotOf(other!)).toMatchObject({ persisted: true });
  });
});
