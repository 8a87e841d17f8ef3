/**
 * A request that is made while the page is being left (F85): with the vault in a worker, by the very
 * function of `docs/worker.md`; under isolation and where the page runs the vault, by itself.
 */
import { readFileSync } from "node:fs";
import path from "node:path";
import { transformSync } from "esbuild";
import type { Page } from "playwright";
import { describe, expect, it } from "vitest";
import type { Vault } from "tokenkeep";
import type { Config } from "./page-script.ts";
import { setUp, type Stage } from "./real-tabs.ts";

declare global {
  interface Window {
    sendOnLeaving: (vault: Vault, url: string, makeBody: () => string) => void;
    /** What the function has asked the vault for last. */
    header?: Promise<string>;
  }
}

const shared: Partial<Config> = { owner: { kind: "shared" } };
const service: Partial<Config> = { owner: { kind: "service" } };
const isolated: Partial<Config> = { owner: { kind: "service", isolated: true } };

/** The program of the documentation that declares `name`. */
function programWith(name: string): string {
  const docs = readFileSync(path.join(import.meta.dirname, "../../docs/worker.md"), "utf8");
  const programs = docs.split("```ts\n").map((text) => text.split("```")[0] ?? "");
  const program = programs.find((code) => code.includes(`function ${name}(`));
  if (program === undefined) throw new Error(`docs/worker.md declares no ${name}`);
  return transformSync(program, { loader: "ts" }).code;
}

/** Sends by the documentation's function; it has its header when this is over. */
async function sendByTheDocs(page: Page): Promise<void> {
  const content = `${programWith("sendOnLeaving")}\nwindow.sendOnLeaving = sendOnLeaving;`;
  await page.addScriptTag({ content, type: "module" });
  await page.waitForFunction(() => "sendOnLeaving" in window);
  await page.evaluate(async () => {
    const { vault, kit } = window;
    const watched = { ...vault, authorization: () => (window.header = vault.authorization()) };
    window.sendOnLeaving(watched as Vault, `${kit.api}/v1/echo?n=bye`, () => '"bye"');
    await window.header;
  });
}

/** Sends in `pagehide` itself. */
const sendBy = (page: Page, way: "fetch" | "vault"): Promise<void> =>
  page.evaluate((way) => {
    const { vault, kit } = window;
    addEventListener("pagehide", () => {
      const send = way === "vault" ? vault.fetch : fetch;
      void send(`${kit.api}/v1/echo?n=bye`, { method: "POST", keepalive: true, body: "bye" });
    });
  }, way);

async function arrives({ api }: Stage): Promise<void> {
  await expect
    .poll(() => api.counters(), { timeout: 10_000 })
    .toMatchObject({ sends: { bye: 1 }, byPath: { "POST /v1/echo": 1 } });
}

const beside = { "a shared worker": shared, "a service worker": service } as const;

/** Firefox loses one request in eight or so that it is asked for beside a service worker. */
export function requestsInPagehide(
  workers: readonly (keyof typeof beside)[] = ["a shared worker", "a service worker"],
): void {
  describe("a request in pagehide, with keepalive", () => {
    it.each(workers.map((name) => [name, beside[name]] as const))(
      "arrives with the token as the documentation does it, beside %s [F85]",
      async (_, config) => {
        const stage = await setUp();
        const [page] = await stage.openSignedIn(1, config);
        await sendByTheDocs(page);
        await page.goto("about:blank");
        await arrives(stage);
        expect(stage.api.counters().unauthorized).toBe(0);
      },
    );

    it("arrives with the token that came after the first one [F85]", async () => {
      const stage = await setUp();
      const [page] = await stage.openSignedIn(1, shared);
      await sendByTheDocs(page);
      stage.api.expireAccessTokens();
      const old = await page.evaluate(async () => {
        const old = await window.header;
        await window.vault.fetch(`${window.kit.api}/v1/me`);
        return old;
      });
      // The event of the refresh makes the function ask again.
      await expect
        .poll(() => page.evaluate(() => window.header), { timeout: 10_000 })
        .not.toBe(old);
      await page.goto("about:blank");
      await arrives(stage);
      expect(stage.api.counters()).toMatchObject({ unauthorized: 1, tokenCalls: 1 });
    });

    it("arrives with the token by vault.fetch, in a page that runs the vault [F85]", async () => {
      const stage = await setUp();
      const [page] = await stage.openSignedIn(1);
      await sendBy(page, "vault");
      await page.goto("about:blank");
      await arrives(stage);
      expect(stage.api.counters().unauthorized).toBe(0);
    });

    it("never leaves by vault.fetch beside a worker: the documentation says so [F85]", async () => {
      const stage = await setUp();
      const [page] = await stage.openSignedIn(1, shared);
      await sendBy(page, "vault");
      await page.goto("about:blank");
      // The page is gone; what another one sends comes after all that it could have sent.
      const other = await stage.open(shared);
      await other.evaluate(() => window.kit.burst(1));
      expect(stage.api.counters().sends).toEqual({ 0: 1 });
    });
  });
}

/** Under isolation: whether the browser lets the request pass through the service worker by then. */
export function plainInPagehide(
  outcome: "with the token" | "without it, and is turned down",
): void {
  it(`a plain fetch in pagehide, under isolation, arrives ${outcome} [F85]`, async () => {
    const stage = await setUp();
    const [page] = await stage.openSignedIn(1, isolated);
    await sendBy(page, "fetch");
    // Within the site: where a page goes elsewhere, Chromium loses one in ten or so of such requests.
    await page.goto(outcome === "with the token" ? `${page.url()}&left` : "about:blank");
    await arrives(stage);
    expect(stage.api.counters().unauthorized).toBe(outcome === "with the token" ? 0 : 1);
  });
}
