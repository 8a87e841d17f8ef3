/**
 * A request that is made while the page is being left (F85): with the vault in a worker, as
 * `docs/worker.md` says; under isolation and where the page runs the vault, by itself.
 */
import type { Page } from "playwright";
import { describe, expect, it } from "vitest";
import type { Config } from "./page.ts";
import { setUp, useBrowser } from "./stage.ts";

useBrowser(["worker-script"]);

/** Sends in `pagehide`, in one of the ways that an application has. */
function sendOnLeaving(page: Page, way: "ready" | "fetch" | "vault"): Promise<void> {
  return page.evaluate(async (way) => {
    const { vault, kit } = window;
    const authorization = way === "ready" ? await vault.authorization() : undefined;
    addEventListener("pagehide", () => {
      const headers = authorization === undefined ? undefined : { authorization };
      const init = { method: "POST", keepalive: true, body: "bye", ...(headers && { headers }) };
      const send = way === "vault" ? vault.fetch : fetch;
      void send(`${kit.api}/v1/echo?n=bye`, init);
    });
  }, way);
}

const ways: readonly [string, Partial<Config>, Parameters<typeof sendOnLeaving>[1]][] = [
  ["a header that was kept ready, beside a shared worker", { owner: { kind: "shared" } }, "ready"],
  [
    "a header that was kept ready, beside a service worker",
    { owner: { kind: "service" } },
    "ready",
  ],
  [
    "plain fetch, through a service worker that isolates",
    { owner: { kind: "service", isolated: true } },
    "fetch",
  ],
  ["vault.fetch, in a page that runs the vault", {}, "vault"],
];

describe("a request in pagehide, with keepalive", () => {
  it.each(ways)("arrives with the token by %s [F85]", async (_, config, way) => {
    const stage = await setUp();
    const [page] = await stage.openSignedIn(1, config);
    await sendOnLeaving(page, way);
    await page.goto("about:blank");
    await expect
      .poll(() => stage.api.counters(), { timeout: 10_000 })
      .toMatchObject({ sends: { bye: 1 }, unauthorized: 0 });
    expect(stage.api.counters().byPath["POST /v1/echo"]).toBe(1);
  });
});
