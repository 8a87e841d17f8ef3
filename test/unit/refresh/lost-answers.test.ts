/**
 * Proxies in front of an owner: an answer that is lost after the owner has committed, and a 401 that
 * comes back when the owner has another session by now.
 */
import { beforeEach, afterEach, describe, expect, it, vi } from "vitest";
import { createOwner, type ObjectOwner } from "../../../src/cloudflare/owner.ts";
import type { CloudflareVault } from "../../../src/cloudflare/proxy.ts";
import { readKeys } from "../../../src/cloudflare/keys.ts";
import { type SessionName, keyOf, type Owner } from "../../../src/cloudflare/wire.ts";
import type { Clock, Provider, TokenSet } from "../../../src/types.ts";
import { durableKv } from "../../support/durable-kv.ts";
import {
  clockAhead,
  type ManualClock,
  manualClock,
  settle,
  watchCrypto,
} from "../../support/clock.ts";
import { proxyTo } from "../../support/proxy.ts";

watchCrypto();

const ORIGIN = "https://api.acme.example";
const keys = readKeys(`k1:${btoa("0123456789abcdef0123456789abcdef")}`, {});

// The pauses between a proxy's tries are jittered down to nothing.
beforeEach(() => void vi.spyOn(Math, "random").mockReturnValue(0));
afterEach(() => void vi.restoreAllMocks());

interface Scene {
  readonly call: SessionName;
  /** The object of today: it may be built anew, as after a reset. */
  object: ObjectOwner;
  restart(): void;
  /** What a Worker's vault asks; a test may put something in between. */
  seen: Owner;
  /** Whether the token endpoint answers nobody. */
  hangs: boolean;
  readonly worker: () => CloudflareVault<string>;
  /** Refresh tokens as the server saw them, in order. */
  readonly spent: (string | undefined)[];
  /** Requests to the API: method and token. */
  readonly sent: string[];
  answer: (token: string) => Response | Promise<Response>;
  /** Lets time pass. */
  pass(ms: number): void;
}

function scene(given?: Clock): Scene {
  let passed = 0;
  const clock = given ?? clockAhead(() => passed);
  const stored = new Map<string, unknown>();
  let issued = 0;
  const spent: (string | undefined)[] = [];
  const sent: string[] = [];
  const grant = (user: string) => ({
    type: "granted",
    grant: {
      accessToken: `at-${user}-${(issued += 1)}`,
      refreshToken: `rt-${user}-${issued}`,
      expiresIn: 86_400,
    },
  });
  const provider = {
    name: "acme",
    origins: [ORIGIN],
    renewal: { rotation: "strict" },
    signIn: async (user: string) => grant(user),
    async renew({ refreshToken = "" }: { refreshToken?: string }) {
      spent.push(refreshToken);
      if (self.hangs) return new Promise(() => {});
      return grant(refreshToken.split("-")[1]!);
    },
  } as unknown as Provider<never>;
  const context = {
    id: { toString: () => "object" },
    waitUntil: (promise: Promise<unknown>) => void promise.catch(() => {}),
    storage: {
      transactionSync: <T>(task: () => T): T => task(),
      sync: async () => {},
      kv: durableKv(stored),
      getAlarm: async () => null,
      setAlarm: async () => {},
      deleteAlarm: async () => {},
      deleteAll: async () => {},
    },
  };
  const build = (): ObjectOwner =>
    createOwner(context, { providers: { acme: provider }, keys, kv: undefined, clock });
  const call: SessionName = { provider: "acme", account: "a", key: keyOf(provider, "a") };
  const self: Scene = {
    call,
    object: build(),
    restart: () => void (self.object = build()),
    get seen() {
      return self.object;
    },
    set seen(owner: Owner) {
      Object.defineProperty(self, "seen", { value: owner, writable: true });
    },
    hangs: false,
    spent,
    sent,
    answer: () => new Response(null, { status: 200 }),
    pass: (ms) => void (passed += ms),
    worker: () =>
      proxyTo<string>(() => self.seen, provider, {
        session: call,
        clock,
        async fetch(input, init) {
          const request = new Request(input, init);
          const token = (request.headers.get("authorization") ?? "").replace("Bearer ", "");
          sent.push(`${request.method} ${token}`);
          return self.answer(token);
        },
      }),
  };
  return self;
}

/** Another Worker's 401 has the session refreshed, some time after it began. */
async function refresh({ object, call, pass }: Scene): Promise<void> {
  const { lease } = await object.token(call, {});
  pass(60_000);
  const { sessionId, generation } = lease!;
  const after = await object.token(call, { rejected: { sessionId, generation } });
  expect(after.lease?.generation).toBe(generation + 1);
}

/** The answer to the first adoption is lost on its way, after the owner has done what it was asked. */
function losing(made: Scene, then: (made: Scene) => Promise<unknown>): void {
  let lost = false;
  const asked = new Proxy({} as Owner, {
    get: (_, name: keyof Owner) =>
      name === "adopt" && !lost
        ? async (...args: Parameters<Owner["adopt"]>) => {
            lost = true;
            await made.object.adopt(...args);
            await then(made);
            throw new Error("the object was reset");
          }
        : made.object[name].bind(made.object),
  });
  made.seen = asked;
}

const tokens: TokenSet = { accessToken: "at-alice-0", refreshToken: "rt-alice-0" };

describe("an adoption whose answer was lost after its commit", () => {
  it("is not adopted again over its successor, whose refresh token would be lost [F101 P19]", async () => {
    const made = scene();
    losing(made, refresh);
    const vault = made.worker();
    await vault.adopt(tokens);
    expect(await vault.getToken()).toBe("at-alice-1");
    expect(await made.worker().getToken()).toBe("at-alice-1");
    expect(await vault.state()).toMatchObject({ status: "signed-in", generation: 2 });
    // The spent token is never sent again, and the one that came for it is.
    await refresh(made);
    expect(made.spent).toEqual(["rt-alice-0", "rt-alice-1"]);
  });

  it("is not adopted again after the object was built anew [F101]", async () => {
    const made = scene();
    losing(made, async () => {
      await refresh(made);
      made.restart();
    });
    const vault = made.worker();
    await vault.adopt(tokens);
    expect(await vault.getToken()).toBe("at-alice-1");
    await refresh(made);
    expect(made.spent).toEqual(["rt-alice-0", "rt-alice-1"]);
  });

  it("is not adopted again over a sign-in that came after it [F101 P19]", async () => {
    const made = scene();
    losing(made, ({ object, call }) => object.signIn(call, "bob", {}));
    const vault = made.worker();
    await vault.adopt(tokens);
    expect(await vault.getToken()).toBe("at-bob-1");
  });

  it("is not adopted again over a sign-out that came after it [F101 P4]", async () => {
    const made = scene();
    losing(made, ({ object, call }) => object.signOut(call));
    const vault = made.worker();
    await vault.adopt(tokens);
    await expect(vault.getToken()).rejects.toMatchObject({ code: "no_session" });
  });

  it("has begun one session, not two [F101]", async () => {
    const made = scene();
    let first: string | undefined;
    losing(made, async ({ object, call }) => {
      first = (await object.token(call, {})).lease?.sessionId;
    });
    await made.worker().adopt(tokens);
    const { lease } = await made.object.token(made.call, {});
    expect(first).toBeDefined();
    expect(lease).toMatchObject({ sessionId: first, generation: 1, accessToken: "at-alice-0" });
  });
});

describe("an adoption", () => {
  it("that never reached the object is tried again, and adopted [F101]", async () => {
    const made = scene();
    let lost = 0;
    made.seen = new Proxy({} as Owner, {
      get: (_, name: keyof Owner) =>
        name === "adopt" && lost < 2
          ? () => Promise.reject(new Error(`network connection lost ${(lost += 1)}`))
          : made.object[name].bind(made.object),
    });
    const vault = made.worker();
    await vault.adopt(tokens);
    expect(lost).toBe(2);
    expect(await vault.getToken()).toBe("at-alice-0");
  });

  it("of the same token by the application, a second time, is another one [F101]", async () => {
    const made = scene();
    const vault = made.worker();
    await vault.adopt(tokens);
    await vault.signOut();
    await vault.adopt(tokens);
    expect(await vault.getToken()).toBe("at-alice-0");
    await vault.adopt({ accessToken: "at-carol-0", refreshToken: "rt-carol-0" });
    expect(await vault.getToken()).toBe("at-carol-0");
  });
});

describe("a POST of a Worker that is answered 401 while another user signs in", () => {
  /** The POST is held in the API while `swap` makes bob's session, by another isolate or this one. */
  async function crossed(
    swap: (made: Scene, vault: CloudflareVault<string>) => Promise<unknown>,
  ): Promise<{ response: Response; sent: readonly string[] }> {
    const made = scene();
    const vault = made.worker();
    await vault.signIn("alice");
    expect(await vault.getToken()).toBe("at-alice-1");
    made.pass(60_000);
    made.answer = async (token) => {
      if (!token.startsWith("at-alice")) return new Response(null, { status: 200 });
      await swap(made, vault);
      return Response.json({ error: "no" }, { status: 401 });
    };
    const response = await vault.fetch(`${ORIGIN}/v1/orders`, { method: "POST", body: "order" });
    return { response, sent: made.sent };
  }

  it.each<[string, (made: Scene, vault: CloudflareVault<string>) => Promise<unknown>]>([
    [
      "in another isolate, after a sign-out",
      async ({ object, call }) => {
        await object.signOut(call);
        await object.signIn(call, "bob", {});
      },
    ],
    ["in another isolate, over the session", ({ object, call }) => object.signIn(call, "bob", {})],
    [
      "in this isolate, after a sign-out",
      async (_, vault) => {
        await vault.signOut();
        await vault.signIn("bob");
      },
    ],
    ["in this isolate, over the session", (_, vault) => vault.signIn("bob")],
  ])("comes back, and goes out once, as its own user's: %s [F103]", async (_, swap) => {
    const { response, sent } = await crossed(swap);
    expect(sent).toEqual(["POST at-alice-1"]);
    expect(response.status).toBe(401);
    expect(await response.json()).toEqual({ error: "no" });
  });
});

describe("an object that finds the intent of an earlier instance of itself", () => {
  /** Sealing takes real time: a step of the clock waits for it. */
  async function patiently<T>(clock: ManualClock, ms: number, promise: Promise<T>): Promise<T> {
    const until = clock.running() + ms;
    let isSettled = false;
    const note = (): void => void (isSettled = true);
    promise.then(note, note);
    for (;;) {
      await settle();
      if (isSettled) return promise;
      const left = until - clock.running();
      if (left <= 0) throw new Error(`Not settled within ${ms} ms`);
      await clock.advance(Math.min(clock.pending()[0] ?? left, left));
    }
  }

  it("knows at once that it is dead, and sends again five seconds after it first saw it [F57 F34]", async () => {
    const clock = manualClock();
    const made = scene(clock);
    await patiently(clock, 1_000, made.object.signIn(made.call, "alice", {}));
    await clock.advance(25 * 3_600_000);
    made.hangs = true;
    void made.object.token(made.call, {}).catch(() => {});
    await vi.waitFor(() => expect(made.spent).toEqual(["rt-alice-1"]));
    made.hangs = false;
    made.restart();
    const from = clock.running();
    const { lease } = await patiently(clock, 20_000, made.object.token(made.call, {}));
    expect(lease).toMatchObject({ accessToken: "at-alice-2", generation: 2 });
    expect(clock.running() - from).toBeGreaterThanOrEqual(5_000);
    expect(clock.running() - from).toBeLessThan(8_000);
  });
});
