/** A provider that is at fault itself: the error says so, ends no session, and asks nobody to sign in again. */
import { describe, expect, it } from "vitest";
import type { Outcome, Provider, Exchange } from "../../../src/types.ts";
import { acme, credentials, fakeApi, ORIGIN, never } from "../../support/fake-api.ts";
import { bench, refreshes, signedIn, VMS, rejection } from "../../support/vault.ts";
import { HOUR, MINUTE, outcome, rest, SECOND, within } from "./faulty-parts.ts";
import type { VaultError } from "../../../src/index.ts";

type Way = (exchange: Exchange) => unknown;

const SECRET = "secret-of-the-server";

/** What a provider does wrong by itself, whatever the network does. */
const mistakes: Readonly<Record<string, Way>> = {
  "throws at once": () => {
    throw new TypeError(`${SECRET} is not a function`);
  },
  "throws later": async () => {
    await Promise.resolve();
    throw new ReferenceError(SECRET);
  },
  "rejects with nothing": () => Promise.reject(),
  "throws over a reply": async ({ fetch }) => {
    const body = (await (await fetch(`${ORIGIN}/v1`)).json()) as { token: { access: string } };
    return { type: "granted", grant: { accessToken: body.token.access } };
  },
  "gives nothing": () => undefined,
  "gives null": () => null,
  "gives a list": () => [{ type: "granted" }],
  "gives the token alone": () => "access-1-secret",
  "gives no type": () => ({ grant: { accessToken: "access-1-secret" } }),
  "gives a type that is none": () => ({ type: "Granted", grant: { accessToken: "access-1" } }),
  "gives the name of a member of all objects as the type": () => ({ type: "constructor" }),
  "never settles, and has asked nobody": () => new Promise(() => {}),
};

const broken = (part: "signIn" | "renew", way: Way): Provider<any> => ({
  ...acme({ rotation: "none" }),
  [part]: (_: unknown, exchange: Exchange) => way(exchange),
});

/** Says who is at fault, and neither advises another try nor another sign-in, nor shows anything. */
function expectFault(error: Error): void {
  expect(error).toMatchObject({ reason: "provider_failed" });
  expect(error.message).toMatch(/: provider failed\. Mend the provider\b/);
  expect(error.message).not.toMatch(/again/i);
  expect(error.message + error.stack + JSON.stringify(error)).not.toContain(SECRET);
  expect(error.cause).toBeUndefined();
}

describe.each(Object.entries(mistakes))("a provider that %s", (_, way) => {
  it("in signIn is told as what failed, and never as refused credentials [F87 P17 S4]", async () => {
    const { vault, clock } = bench({ provider: broken("signIn", way) });
    const error = await rejection(clock.until(vault.signIn(credentials)));
    expect((error as VaultError).code).toBe("sign_in_failed");
    expectFault(error);
  });

  it("in renew is told as what failed, and the session is kept [F87 P17 S4]", async () => {
    const { vault, clock } = await signedIn({ provider: broken("renew", way) });
    await clock.advance(HOUR);
    const error = await rejection(clock.until(vault.fetch(VMS)));
    expect((error as VaultError).code).toBe("refresh_failed");
    expectFault(error);
    expect(vault.snapshot().status).toBe("signed-in");
  });
});

describe("a provider that lets the network's faults through is not told as at fault", () => {
  const ask: Way = async ({ fetch }) => {
    await fetch(`${ORIGIN}/login`);
    return { type: "refused" };
  };

  it("where no reply came [F87]", async () => {
    const { vault, api } = bench({ provider: broken("signIn", ask) });
    api.login = () => Promise.reject(new TypeError("fetch failed"));
    const error = await rejection(vault.signIn(credentials));
    expect(error).toMatchObject({ code: "sign_in_failed", reason: "no_connection" });
    expect(error.message).toBe(
      "Cannot sign in: no connection. Try again, or check the address and CORS.",
    );
  });

  it("where the server never answers [F87]", async () => {
    const { vault, api, clock } = bench({ provider: broken("signIn", ask) });
    api.login = never;
    const error = await rejection(clock.until(vault.signIn(credentials)));
    expect(error).toMatchObject({ code: "sign_in_failed", reason: "timed_out" });
    expect(error.message).toBe("Cannot sign in: timed out. Try again.");
  });

  it("where the reply never ends [F87]", async () => {
    const read: Way = async ({ fetch }) => (await fetch(`${ORIGIN}/login`)).json();
    const { vault, api, clock } = bench({ provider: broken("signIn", read) });
    api.login = () => new Response(new ReadableStream({ start() {} }));
    const error = await rejection(clock.until(vault.signIn(credentials)));
    expect(error).toMatchObject({ code: "sign_in_failed", reason: "timed_out" });
  });
});

describe("the other mistakes of a provider that have a reason of their own", () => {
  it.each([
    ["read_failed", { read: ({ a }: any) => ({ accessToken: a.b.c }) }],
    [
      "write_failed",
      {
        write() {
          throw new Error(SECRET);
        },
      },
    ],
  ] as const)("%s advises to mend the provider, in signIn [F87]", async (reason, options) => {
    const { vault } = bench({ provider: acme(options) });
    const error = await rejection(vault.signIn(credentials));
    expect(error).toMatchObject({ code: "sign_in_failed", reason });
    expect(error.message).toBe(
      `Cannot sign in: ${reason.replace("_", " ")}. Mend the provider: it is at fault.`,
    );
  });

  it.each([
    ["unsendable_body", { refresh: () => ({ body: new Map([["a", 1]]) }) }],
    ["unsendable_header", { refresh: () => ({ headers: { a: "b\nc" } }) }],
    ["unsendable_request", { refresh: async () => ({ body: 1 }) }],
    ["no_absolute_url", { refreshUrl: "/refresh" }],
  ])("%s advises to mend the provider, in renew [F87]", async (reason, options) => {
    const { vault, clock } = await signedIn({ provider: acme(options as object) });
    await clock.advance(HOUR);
    const error = await rejection(clock.until(vault.fetch(VMS)));
    expect(error).toMatchObject({ code: "refresh_failed", reason });
    expect(error.message).toMatch(/\. Mend the provider: it is at fault\.$/);
  });
});

describe("the facts of an outcome are a provider's word, and are narrowed", () => {
  const told = async (facts: object): Promise<VaultError> => {
    const way = (): Outcome => ({ type: "trouble", ...facts }) as Outcome;
    const { vault } = bench({ provider: broken("signIn", way) });
    return (await rejection(vault.signIn(credentials))) as VaultError;
  };

  it.each([
    42,
    {},
    ["no_token"],
    Symbol("no_token"),
    "The token eyJhbGciOi was refused",
    "x".repeat(1_000),
    "",
  ])("a reason that is none is left out: %o [S4 S10]", async (reason) => {
    const error = await told({ reason });
    expect(error).toMatchObject({ code: "sign_in_failed", reason: undefined });
    expect(error.message).toBe("Cannot sign in: no token came. Try again.");
  });

  it.each([
    ["status", "secret"],
    ["status", NaN],
    ["status", {}],
    ["retryAfter", "soon"],
  ] as const)("a %s that is no number is left out: %o [S4 S10]", async (name, value) => {
    expect((await told({ [name]: value }))[name]).toBeUndefined();
  });

  it("a refusal's are, too [S4 S10]", async () => {
    const way = () => ({ type: "refused", status: "secret", reason: 7 });
    const { vault } = bench({ provider: broken("signIn", way) });
    const error = await rejection(vault.signIn(credentials));
    expect(error).toMatchObject({ code: "credentials_refused", status: undefined });
  });

  it("what is of its type is told [F76]", async () => {
    const facts = { reason: "no_token", status: 503, retryAfter: 1_000 };
    expect(await told(facts)).toMatchObject(facts);
  });
});

describe("trouble with a Retry-After that is no number", () => {
  it("leaves the session as it is: nobody is signed out by it [P17]", async () => {
    const api = fakeApi();
    const renew = async (): Promise<Outcome> => ({
      type: "trouble",
      status: 503,
      retryAfter: Number("Wed, 21 Oct 2026 07:28:00 GMT"),
    });
    const made = await signedIn({ api, provider: { ...acme(), renew } });
    const { vault, clock, store } = made;
    await clock.advance(2_900 * SECOND);
    await vault.fetch(VMS);
    await clock.advance(MINUTE);
    const fresh = bench({ api, clock, store });
    expect(await within(clock, MINUTE, outcome(fresh.vault.getToken()))).toBe("access-1-secret");
    expect(vault.snapshot().status).toBe("signed-in");
    expect(fresh.types()).not.toContain("unreadable");
  });
});

describe("a provider that calls fetch when its exchange is over", () => {
  it("sends nothing by it [P2 P8]", async () => {
    const api = fakeApi();
    let late = (): void => {};
    const base = acme();
    const provider: Provider<never> = {
      ...base,
      async renew(_, { fetch }) {
        late = () => void fetch(`${ORIGIN}/refresh`, { method: "POST" }).catch(() => {});
        return { type: "trouble", status: 500 };
      },
    };
    const made = await signedIn({ api, provider: provider as typeof base });
    await made.clock.advance(2_900 * SECOND);
    await made.vault.fetch(VMS);
    await rest();
    late();
    await rest();
    expect(refreshes({ api })).toBe(0);
  });
});
