/** The Worker that users copy, from `demo/`, in real workerd with its own `wrangler.jsonc`. */
import { exports } from "cloudflare:workers";
import { describe, expect, inject, it, vi } from "vitest";
import { SignJWT, UnsecuredJWT } from "jose";
import { sessionOf, type VisitorEnv } from "../../demo/worker-visitor.ts";
import type { ApiName } from "../apis/apis.ts";
import type { Counters } from "../apis/counters.ts";

const { controls } = inject("workerApis");

const counters = async (api: ApiName): Promise<Counters> =>
  (await (await fetch(`${controls[api]}/counters`)).json()) as Counters;
const control = async (api: ApiName, what: "expire" | "revoke"): Promise<void> =>
  void (await fetch(`${controls[api]}/${what}`, { method: "POST", body: "{}" }));

interface Answer {
  readonly status: number;
  readonly text: string;
}
const env = inject("workerApis").bindings as unknown as VisitorEnv;
const acme = await sessionOf("acme", env);

const visit = async (api: string, session?: string): Promise<Answer> => {
  const headers = { authorization: `Bearer ${session ?? acme}` };
  const response = await exports.default.fetch(`https://demo.example/?api=${api}`, { headers });
  return { status: response.status, text: await response.text() };
};
const crowd = (api: ApiName): Promise<Answer[]> =>
  Promise.all(Array.from({ length: 50 }, () => visit(api)));
const statuses = (answers: readonly Answer[]): number[] => [
  ...new Set(answers.map(({ status }) => status)),
];

/** JWTs that are signed within one second are the same. */
const nextSecond = async (): Promise<void> => {
  const second = Math.floor(Date.now() / 1_000);
  await vi.waitUntil(() => Math.floor(Date.now() / 1_000) > second, 5_000);
};

describe("fifty visitors at once", () => {
  it("vmcloud, with nobody signed in: one sign-in; and then one refresh [P1]", async () => {
    const answers = await crowd("vmcloud");
    expect(statuses(answers)).toEqual([200]);
    expect(answers[0]?.text).toContain("vm");
    expect(await counters("vmcloud")).toMatchObject({ signIns: 1, tokenCalls: 0 });
    await control("vmcloud", "expire");
    expect(statuses(await crowd("vmcloud"))).toEqual([200]);
    expect(await counters("vmcloud")).toMatchObject({
      signIns: 1,
      tokenCalls: 1,
      reuseDetections: 0,
    });
  });

  it("artos, with nobody signed in: one token is minted; and then one more [P1]", async () => {
    expect(statuses(await crowd("artos"))).toEqual([200]);
    expect(await counters("artos")).toMatchObject({ tokenCalls: 1 });
    await control("artos", "expire");
    expect(statuses(await crowd("artos"))).toEqual([200]);
    expect(await counters("artos")).toMatchObject({ tokenCalls: 2, refreshed: 2 });
  });

  it("clary-jwt: one JWT is signed, the API is asked for none; and then one more [P1]", async () => {
    expect(statuses(await crowd("clary-jwt"))).toEqual([200]);
    expect(await counters("clary-jwt")).toMatchObject({ requests: 50, tokens: 1 });
    await nextSecond();
    await control("clary-jwt", "expire");
    expect(statuses(await crowd("clary-jwt"))).toEqual([200]);
    const { byPath, tokens, unauthorized, requests } = await counters("clary-jwt");
    expect(tokens).toBe(2);
    expect(Object.keys(byPath)).toEqual(["GET /v1/documents"]);
    expect(unauthorized).toBeGreaterThan(0);
    expect(requests).toBe(100 + unauthorized);
  });

  for (const api of ["clary", "simplismart", "qovery"] as const)
    it(`${api}: a token from a secret; revoked, each gets the API's own 401, once [P11]`, async () => {
      expect(statuses(await crowd(api))).toEqual([200]);
      await control(api, "revoke");
      const before = await counters(api);
      // Those who come when it is known sign in once more, as the secret may be a new one by now.
      const answers = [...(await crowd(api)), ...(await crowd(api))];
      expect(statuses(answers)).toEqual([401]);
      expect(answers[0]?.text).toMatch(/invalid/i);
      const after = await counters(api);
      expect(after.requests - before.requests).toBe(100);
      expect(after.unauthorized - before.unauthorized).toBe(100);
      expect(after.tokens).toBe(before.tokens);
    });
});

it("an API that it does not have is a 404", async () => {
  expect((await visit("other")).status).toBe(404);
});

describe("a caller", () => {
  const keyOf = (text: string): Uint8Array => new TextEncoder().encode(text);
  const signed = (claims: object, key = env.SESSION_KEY): Promise<string> =>
    new SignJWT({ sub: "acme", iss: "tokenkeep-demo", aud: "tokenkeep-demo", ...claims })
      .setProtectedHeader({ alg: "HS256" })
      .sign(keyOf(key));
  const exp = Math.floor(Date.now() / 1_000) + 60;

  it("whose session is good is let in, and no other's session is used [S11 S12]", async () => {
    expect((await visit("vmcloud", await signed({ exp }))).status).toBe(200);
    const before = (await counters("vmcloud")).signIns;
    // Nobody has signed this one in yet: the Worker does, and uses nobody else's session.
    expect((await visit("vmcloud", await sessionOf("grace", env))).status).toBe(200);
    expect((await counters("vmcloud")).signIns).toBe(before + 1);
  });

  it.each<[string, () => string | Promise<string>]>([
    ["no session", () => ""],
    ["a session signed with another key", () => signed({ exp }, "x".repeat(44))],
    ["a session that has ended", () => signed({ exp: exp - 3_600 })],
    ["a session without an end", () => signed({})],
    ["a session of nobody", () => signed({ exp, sub: undefined })],
    ["a session for somebody else's Worker", () => signed({ exp, aud: "another" })],
    ["a session that nobody has signed", () => new UnsecuredJWT({ sub: "acme", exp }).encode()],
  ])("with %s is a stranger: 401, and no API is asked [S11 S12]", async (_, make) => {
    const before = await counters("vmcloud");
    expect((await visit("vmcloud", await make())).status).toBe(401);
    expect(await counters("vmcloud")).toEqual(before);
  });

  it("cannot name an account by the address [S11]", async () => {
    const url = "https://demo.example/?api=vmcloud&account=acme";
    expect((await exports.default.fetch(url)).status).toBe(401);
  });
});
