/** The Hono example in workerd: its bundle, its Durable Object, and a fake API in the network's place. */
import path from "node:path";
import { build } from "esbuild";
// Wrangler's own.
import { convertV4MiniflareOptions, Miniflare, Response as WorkerdResponse } from "miniflare";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import type { FakeApi } from "../../src/testing.ts";
import { examples, thingsApi } from "./served-example.ts";

let workerd: Miniflare;
let api: FakeApi;
let url: URL;

beforeAll(async () => {
  const { outputFiles } = await build({
    entryPoints: [path.join(examples, "hono-workers/src/worker.ts")],
    bundle: true,
    format: "esm",
    target: "es2022",
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:*"],
    write: false,
  });
  const options = convertV4MiniflareOptions({
    modules: true,
    script: outputFiles[0]?.text ?? "",
    compatibilityDate: "2026-10-01",
    durableObjects: { TOKEN_VAULT: { className: "TokenVault", useSQLite: true } },
    bindings: {
      TOKENKEEP_KEYS: `k1:${Buffer.alloc(32, "key").toString("base64")}`,
      COOKIE_SECRET: "a secret of the test's, and of nobody else",
    },
    async outboundService(request) {
      const { method, headers } = request;
      const body = await request.text();
      const sent = { method, headers: [...headers], ...(body !== "" && { body }) };
      const reply = await api.fetch(request.url, sent);
      const told = { status: reply.status, headers: [...reply.headers] };
      return new WorkerdResponse(await reply.text(), told);
    },
  });
  workerd = new Miniflare(options);
  url = await workerd.ready;
});
afterAll(() => workerd?.dispose());
beforeEach(() => {
  api = thingsApi();
});

/** A visitor, whose browser keeps the cookie. */
async function visitor() {
  const ask = (to: string, init: RequestInit = {}): Promise<Response> =>
    fetch(new URL(to, url), init);
  const credentials = { email: "ada@example.com", password: "correct horse" };
  const login = await ask("/login", { method: "POST", body: JSON.stringify(credentials) });
  const [cookie = ""] = login.headers.getSetCookie().map((one) => one.split(";")[0] ?? "");
  return {
    cookie,
    get: (): Promise<Response> => ask("/things", { headers: { cookie } }),
    leave: (): Promise<Response> => ask("/logout", { method: "POST", headers: { cookie } }),
  };
}

it("a visitor signs in, twenty calls refresh once, and after the sign-out there is nothing [P1 P4]", async () => {
  const { get, leave } = await visitor();
  expect(await (await get()).json()).toEqual(["lamp", "chair"]);
  api.expire();
  const replies = await Promise.all(Array.from({ length: 20 }, get));
  expect(replies.map(({ status }) => status)).toEqual(Array(20).fill(200));
  expect(api.counts).toMatchObject({ signIns: 1, refreshes: 1, reuses: 0 });
  expect((await leave()).status).toBe(200);
  expect((await get()).status).toBe(401);
});

it("visitors are kept apart, and a cookie that nobody signed is nobody's [S11]", async () => {
  const [one, other] = [await visitor(), await visitor()];
  expect(one.cookie).not.toBe(other.cookie);
  await one.leave();
  expect([(await one.get()).status, (await other.get()).status]).toEqual([401, 200]);
  const forged = other.cookie.replace(/\.[^.]*$/, ".forged");
  const reply = await fetch(new URL("/things", url), { headers: { cookie: forged } });
  expect(reply.status).toBe(401);
});

it("an ended session is told as such: only a sign-in helps [P9]", async () => {
  const { get } = await visitor();
  api.revoke();
  const reply = await get();
  expect([reply.status, await reply.json()]).toEqual([
    401,
    { error: expect.stringContaining("Sign in again") },
  ]);
});
