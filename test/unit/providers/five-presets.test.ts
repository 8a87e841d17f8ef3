/** Each of the five APIs as a user meets it: through the public subpaths, over real sockets. */
import { describe, expect, it } from "vitest";
import { readProblem } from "tokenkeep";
import type { ApiName } from "../../apis/apis.ts";
import { serve } from "../../apis/sockets.ts";
import { entry, names, ofThose, open, post, signedIn, start } from "./over-sockets.ts";

const HOUR = 3_600_000;

/** What `readProblem` makes of each page's errors. */
const detail = (message: string): object => ({ message });
const problems: Readonly<Record<ApiName, Readonly<Record<401 | 403 | 429, object>>>> = {
  vmcloud: {
    401: { code: "401", message: "Invalid or expired token" },
    403: { code: "403", message: "Insufficient permissions" },
    429: { code: "429", message: "Rate limit exceeded" },
  },
  simplismart: {
    401: detail("Invalid token."),
    403: detail("You do not have permission to perform this action."),
    429: detail("Request was throttled."),
  },
  artos: {
    401: detail("Invalid authentication credentials"),
    403: detail("User has no organization or not authorized"),
    429: detail("Too many requests"),
  },
  qovery: {
    401: { code: "Unauthorized", message: "Invalid or missing authentication token" },
    403: { code: "Forbidden", message: "Insufficient permissions to access this resource" },
    429: { code: "Too Many Requests", message: "Rate limit exceeded" },
  },
  clary: {
    401: { code: "unauthorized", message: "Invalid API key" },
    403: { code: "forbidden", message: "Insufficient permissions" },
    429: { code: "rate_limited", message: "Rate limit exceeded" },
  },
  "clary-jwt": {
    401: { code: "unauthorized", message: "Invalid API key" },
    403: { code: "forbidden", message: "Insufficient permissions" },
    429: { code: "rate_limited", message: "Rate limit exceeded" },
  },
};

describe.each(names)("%s", (name) => {
  const { read, write, scheme, foreign } = entry(name);

  it("signs in, reads and writes", async () => {
    const { vault, url } = await signedIn(name);
    const seen = await vault.fetch(url + read);
    expect(seen.status).toBe(200);
    expect(JSON.stringify(await seen.json())).toContain("org-analytical");
    expect((await vault.fetch(url + write, post)).status).toBe(201);
    expect(vault.snapshot()).toMatchObject({ status: "signed-in", generation: 1 });
  });

  it(`sends the auth-scheme ${scheme}, and the server takes no other [S6]`, async () => {
    const { vault, url, api } = await signedIn(name);
    expect(await vault.authorization()).toBe(`${scheme} ${await vault.getToken()}`);
    const other = scheme === "Token" ? "Bearer" : "Token";
    const authorization = `${other} ${await vault.getToken()}`;
    expect((await vault.fetch(url + read, { headers: { authorization } })).status).toBe(401);
    expect(api.counters().unauthorized).toBe(1);
  });

  it("403: another organisation, or too few rights, is an answer, and refreshes nothing [F18]", async () => {
    const { vault, url, api, events } = await signedIn(name, "grace");
    const calls = api.counters().tokenCalls;
    const denied = await vault.fetch(url + write, post);
    expect(denied.status).toBe(403);
    const ada = await signedIn(name);
    const elsewhere = await ada.vault.fetch(ada.url + foreign);
    expect(elsewhere.status).toBe(name === "vmcloud" ? 404 : 403);
    expect(await readProblem(denied)).toMatchObject(problems[name][403]);
    expect(api.counters().tokenCalls).toBe(calls);
    expect(events.map(({ type }) => type)).toEqual(["signed-in"]);
  });

  it("401 and 429 in the API's shape are read by readProblem()", async () => {
    const { vault, url } = await signedIn(name, "ada", { rateLimit: 1 });
    const headers = { authorization: `${scheme} wrong` };
    const unauthorized = await vault.fetch(url + read, { headers });
    expect(await readProblem(unauthorized)).toMatchObject({ status: 401, ...problems[name][401] });
    await vault.fetch(url + read);
    const limited = await readProblem(await vault.fetch(url + read));
    expect(limited).toMatchObject({ status: 429, ...problems[name][429] });
    expect(limited.retryAfter).toBeGreaterThan(HOUR / 2);
  });

  it("the token goes nowhere else", async () => {
    const { vault } = await signedIn(name);
    const other = await serve((request) =>
      Promise.resolve(Response.json(request.headers.get("authorization"))),
    );
    open.push(other);
    expect(await (await vault.fetch(other.url + read)).json()).toBeNull();
  });

  it("a firewall's 403 at the sign-in is no refusal [P17]", async () => {
    const { vault, api } = await start(name);
    api.set({ ipBlocked: true });
    const asks = api.counters().requests;
    const error = await vault.signIn(await api.credentials()).then(
      () => undefined,
      (error: unknown) => error,
    );
    // Where a sign-in is no request, there is nothing that a firewall could answer.
    if (entry(name).renewal) expect(error).toMatchObject({ code: "sign_in_failed", status: 403 });
    else expect([error, api.counters().requests]).toEqual([undefined, asks]);
  });
});

describe.each(ofThose(({ heals }) => heals))("%s, whose tokens can be had anew", (name) => {
  const { read, renewal } = entry(name);

  it("a 401 is healed, once for all callers [P1 P11]", async () => {
    const { vault, url, api, pass, events } = await signedIn(name);
    pass(2_000);
    const before = api.counters();
    await vault.fetch(url + read);
    api.expireAccessTokens();
    pass(2_000);
    const replies = await Promise.all(
      Array.from({ length: 10 }, (_, n) => vault.fetch(`${url}${read}?n=${n}`)),
    );
    expect(replies.map(({ status }) => status)).toEqual(Array(10).fill(200));
    const after = api.counters();
    expect(after.tokenCalls - before.tokenCalls).toBe(renewal ? 1 : 0);
    expect(after.maxSendsPerRequestId).toBe(2);
    expect(vault.snapshot().generation).toBe(2);
    expect(events.filter(({ type }) => type === "refreshed")).toHaveLength(1);
  });

  it("is renewed when its time has come, before a 401", async () => {
    const { vault, url, api, pass } = await signedIn(name);
    const first = await vault.getToken();
    const { issuedAt, expiresAt } = vault.snapshot();
    pass(expiresAt! - issuedAt!);
    expect((await vault.fetch(url + read)).status).toBe(200);
    expect(await vault.getToken()).not.toBe(first);
    expect(api.counters().unauthorized).toBe(0);
  });

  it("when the account is refused, only a sign-in helps [P9]", async () => {
    const { vault, url, api, events } = await signedIn(name);
    const first = await vault.getToken();
    api.revoke();
    api.expireAccessTokens();
    const error = await vault.getToken({ rejected: first }).then(
      (token) => token,
      (error: unknown) => error,
    );
    if (renewal) {
      expect(error).toMatchObject({ code: "sign_in_required", status: 401 });
      expect(events.filter(({ type }) => type === "refused")).toHaveLength(1);
    } else {
      // A JWT that is signed here is never refused when it is signed, only when it is sent.
      expect((await vault.fetch(url + read)).status).toBe(401);
    }
    await vault.signIn(await api.credentials("grace"));
    expect((await vault.fetch(url + read)).status).toBe(200);
  });
});

describe.each(ofThose(({ heals }) => !heals))("%s, whose tokens nothing renews", (name) => {
  const { read } = entry(name);

  it("a 401 is returned, and the token is kept", async () => {
    const { vault, url, api } = await signedIn(name);
    api.revoke();
    const reply = await vault.fetch(`${url}${read}?n=1`);
    expect(reply.status).toBe(401);
    expect(await readProblem(reply)).toMatchObject(problems[name][401]);
    expect(api.counters()).toMatchObject({ maxSendsPerRequestId: 1, tokenCalls: 0 });
    expect(await vault.accounts()).toEqual(["default"]);
    await vault.signIn(await api.credentials());
    expect((await vault.fetch(url + read)).status).toBe(200);
  });
});
