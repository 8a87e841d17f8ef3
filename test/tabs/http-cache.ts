/**
 * The browser's HTTP cache goes by URL, not by account (RFC 9111 §3.5): what becomes of one user's reply
 * when somebody else signs in in the same page, and what SECURITY.md's advice changes.
 */
import type { Page } from "playwright";
import { describe, expect, it } from "vitest";
import type { Handler } from "../apis/replies.ts";
import { ada, grace } from "../apis/vmcloud-data.ts";
import type { Config } from "./page-script.ts";
import { setUp } from "./real-tabs.ts";
import { isolated } from "./worker-requests.ts";

/** An API that says how long its replies are good: as the request's query wants it. */
const front =
  (handler: Handler): Handler =>
  async (request) => {
    const reply = await handler(request);
    const { pathname, searchParams } = new URL(request.url);
    if (pathname !== "/v1/me") return reply;
    reply.headers.delete("cache-control");
    for (const [name, value] of searchParams) reply.headers.set(name, value);
    return reply;
  };

type Init = { readonly cache?: "no-store" };
type Way = "vault.fetch" | "fetch";

interface Ask {
  readonly way: Way;
  /** The reply's headers. */
  readonly reply: Readonly<Record<string, string>>;
  /** Of the first user's request, and of the second one's. */
  readonly inits: readonly [Init, Init];
}

/** Whose data the page is given: first Ada, who is signed in, then Grace, who signs in after her. */
async function whoIsSeen(page: Page, { way, reply, inits }: Ask): Promise<readonly string[]> {
  const path = `/v1/me?${new URLSearchParams(reply)}`;
  const see = (init: Init): Promise<string> =>
    page.evaluate(
      async ([way, path, init]) => {
        const send = way === "fetch" ? fetch : window.vault.fetch;
        const response = await send(window.kit.api + path, init);
        return ((await response.json()) as { email: string }).email;
      },
      [way, path, init] as const,
    );
  const first = await see(inits[0]);
  const { email, password } = grace;
  await page.evaluate((next) => window.vault.signIn(next), { email, password });
  return [first, await see(inits[1])];
}

const owners: readonly [string, Way, Partial<Config>][] = [
  ["a page that runs the vault", "vault.fetch", {}],
  ["a page beside a shared worker", "vault.fetch", { owner: { kind: "shared" } }],
  ["a page under isolation", "fetch", isolated],
];

const DAY_OLD = new Date(Date.now() - 24 * 3_600_000).toUTCString();

/** What an API may well say about its replies. */
const replies: readonly [string, Ask["reply"]][] = [
  ["Cache-Control: private, max-age=3600", { "cache-control": "private, max-age=3600" }],
  ["nothing but Last-Modified", { "last-modified": DAY_OLD }],
];

const NO_STORE: Init = { cache: "no-store" };

/** What SECURITY.md has for it: of the API, and of the page. */
const advice: readonly [string, (reply: Ask["reply"]) => Omit<Ask, "way">][] = [
  [
    "Vary: Authorization",
    (reply) => ({ reply: { ...reply, vary: "Authorization" }, inits: [{}, {}] }),
  ],
  [
    "Cache-Control: no-store",
    (reply) => ({ reply: { ...reply, "cache-control": "no-store" }, inits: [{}, {}] }),
  ],
  ["the requests' own no-store", (reply) => ({ reply, inits: [NO_STORE, NO_STORE] })],
  ["no-store of the later request alone", (reply) => ({ reply, inits: [{}, NO_STORE] })],
];

export function repliesInTheCache(): void {
  describe.each(owners)("in %s", (_, way, config) => {
    describe.each(replies)("with %s", (_, reply) => {
      it("the next user is given the earlier user's reply, if nothing is done [S19 F80]", async () => {
        const stage = await setUp({ front });
        const [page] = await stage.openSignedIn(1, config);
        const seen = await whoIsSeen(page, { way, reply, inits: [{}, {}] });
        expect(seen).toEqual([ada.email, ada.email]);
        expect(stage.api.counters().byPath["GET /v1/me"]).toBe(1);
      });

      it.each(advice)("the next user gets their own by %s [S19 F80]", async (_, following) => {
        const stage = await setUp({ front });
        const [page] = await stage.openSignedIn(1, config);
        const seen = await whoIsSeen(page, { way, ...following(reply) });
        expect(seen).toEqual([ada.email, grace.email]);
        expect(stage.api.counters().byPath["GET /v1/me"]).toBe(2);
      });
    });
  });
}
