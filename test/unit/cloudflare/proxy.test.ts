/** What a Worker tells the object that owns the session, and what it keeps to itself. */
import { describe, expect, it } from "vitest";
import type { TokenCache } from "../../../src/cloudflare/cache.ts";
import { createMemory } from "../../../src/cloudflare/memory.ts";
import type { CloudflareVault } from "../../../src/cloudflare/proxy.ts";
import type { Need, Owner, TokenReply } from "../../../src/cloudflare/wire.ts";
import type { Clock, Provider } from "../../../src/types.ts";
import type { VaultEvent } from "../../../src/vault/vault.ts";
import { type ManualClock, manualClock, settle } from "../../support/clock.ts";
import { proxyTo } from "../../support/proxy.ts";

const ORIGIN = "https://api.acme.example";
const provider = {
  name: "acme",
  origins: [ORIGIN],
  renewal: { rotation: "strict" },
} as unknown as Provider<never>;

describe("a call that waits twice", () => {
  /** An object that answers after a while, until it is asked about a 401. */
  function slow(
    clock: ManualClock,
    { first, cache }: { first: number; cache?: TokenCache },
  ): { vault: CloudflareVault; waited: unknown[] } {
    const waited: unknown[] = [];
    const lease = { accessToken: "at-1", sessionId: "s", generation: 1 };
    const owner = {
      async token(_: unknown, need: Need) {
        waited.push(need.waited);
        await new Promise<void>((resolve) => {
          if (!need.rejected) clock.setTimeout(resolve, first);
        });
        return { revision: 1, lease };
      },
    } as unknown as Owner;
    const vault = proxyTo(() => owner, provider, {
      cache,
      clock,
      fetch: async () => new Response("refused", { status: 401 }),
    });
    return { vault, waited };
  }

  const code = (error: { code: string }): string => error.code;

  it("has one patience for both, and the grace of an object that says nothing [F51 P10]", async () => {
    const clock = manualClock();
    const { vault, waited } = slow(clock, { first: 12_000 });
    const since = clock.running();
    const call = vault.getToken({ rejected: "at-1" }).catch(code);
    expect(await clock.until(call)).toBe("refresh_failed");
    expect(clock.running() - since).toBe(30_000);
    expect(waited).toEqual([undefined, 12_000]);
  });

  it("has the 401 in hand as its answer, where the second wait is too long [F51]", async () => {
    const clock = manualClock();
    const { vault, waited } = slow(clock, { first: 12_000 });
    const since = clock.running();
    const response = await clock.until(vault.fetch(`${ORIGIN}/v1/vms`));
    expect([response.status, await response.text()]).toEqual([401, "refused"]);
    expect(clock.running() - since).toBe(30_000);
    expect(waited).toEqual([undefined, 12_000]);
  });

  it("may be measured by a clock whose methods need their this [P10]", async () => {
    class OwnClock implements Clock {
      readonly #inner = manualClock();
      now = (): number => this.#inner.now();
      running(): number {
        return this.#inner.running();
      }
      setTimeout(callback: () => void, ms: number): unknown {
        return this.#inner.setTimeout(callback, ms);
      }
      clearTimeout(handle: unknown): void {
        this.#inner.clearTimeout(handle);
      }
    }
    const owner = {
      token: async () => ({
        revision: 1,
        lease: { accessToken: "t", sessionId: "s", generation: 1 },
      }),
    } as unknown as Owner;
    const send = async (): Promise<Response> => new Response("served");
    const vault = proxyTo(() => owner, provider, { clock: new OwnClock(), fetch: send });
    expect(await (await vault.fetch(`${ORIGIN}/v1/vms`)).text()).toBe("served");
  });

  it("counts what KV took before the object was asked, too [F51]", async () => {
    const clock = manualClock();
    const hanging: TokenCache = { read: () => new Promise(() => {}), write: async () => {} };
    const { vault, waited } = slow(clock, { first: 0, cache: hanging });
    expect(await clock.until(vault.getToken())).toBe("at-1");
    expect(waited).toEqual([1_000]);
  });
});

describe("a rejected token of a session that another one has taken the place of [F103]", () => {
  /** The object has one session after another. */
  function changing(sessionIds: string[]): CloudflareVault {
    const owner = {
      async token() {
        const sessionId = sessionIds.shift() ?? "";
        const lease = { accessToken: `at-of-${sessionId}`, sessionId, generation: 1, until: 0 };
        return { revision: 1, lease };
      },
    } as unknown as Owner;
    return proxyTo(() => owner, provider);
  }
  const changed = { code: "session_changed" };

  it("is not answered with the other's, be it signed in while the first was asked about", async () => {
    const vault = changing(["ada", "grace"]);
    await expect(vault.getToken({ rejected: "at-of-ada" })).rejects.toMatchObject(changed);
  });

  it("is not answered with the other's that came before it was asked about", async () => {
    const vault = changing(["ada", "grace", "grace"]);
    const rejected = await vault.getToken();
    await expect(vault.getToken({ rejected })).rejects.toMatchObject(changed);
    // Who asks for a token, and has none, gets it.
    expect(await vault.getToken()).toBe("at-of-grace");
  });
});

interface Scene {
  readonly vault: () => CloudflareVault;
  /** What the object was asked with. */
  readonly needs: Need[];
  /** The token that the object has, by its generation. */
  generation: number;
  /** What the API says to a token of that generation, for a path. */
  answer: (generation: number, path: string) => number;
  readonly sent: string[];
}

function scene(onEvent?: (event: VaultEvent) => unknown): Scene {
  const memory = createMemory();
  const reply = (): TokenReply => ({
    revision: made.generation,
    lease: { accessToken: `at-${made.generation}`, sessionId: "s", generation: made.generation },
  });
  const owner = {
    async token(_: unknown, need: Need) {
      made.needs.push(need);
      // A 401 of the present generation has it refreshed.
      if (need.rejected?.generation === made.generation) made.generation += 1;
      return reply();
    },
  } as unknown as Owner;
  const made: Scene = {
    needs: [],
    sent: [],
    generation: 1,
    answer: () => 200,
    vault: () =>
      proxyTo(() => owner, provider, {
        onEvent,
        memory,
        async fetch(input, init) {
          const request = new Request(input, init);
          const { pathname } = new URL(request.url);
          const generation = Number(request.headers.get("authorization")?.split("-").at(-1));
          made.sent.push(`${pathname} ${generation}`);
          return new Response(null, { status: made.answer(generation, pathname) });
        },
      }),
  };
  return made;
}

describe("a 401 of a Worker's request", () => {
  it("is told with its endpoint, as a hash, and with what that endpoint has let through", async () => {
    const made = scene();
    await made.vault().fetch(`${ORIGIN}/v1/secret-path?query`);
    made.answer = (generation) => (generation === 1 ? 401 : 200);
    // Another request of the isolate: what it remembers is the isolate's.
    await made.vault().fetch(`${ORIGIN}/v1/secret-path`);
    expect(made.sent).toEqual(["/v1/secret-path 1", "/v1/secret-path 1", "/v1/secret-path 2"]);
    const [first, second] = made.needs;
    expect(first?.rejected).toBeUndefined();
    expect(second).toMatchObject({ rejected: { sessionId: "s", generation: 1 }, passed: 1 });
    expect(second?.endpoint).toMatch(/^[0-9a-f]{16}$/);
    expect(JSON.stringify(made.needs)).not.toContain("secret-path");
  });

  it("that comes again to the newer token is told, too: the owner judges endpoints [P13]", async () => {
    const made = scene();
    made.answer = (_, path) => (path === "/bad" ? 401 : 200);
    expect((await made.vault().fetch(`${ORIGIN}/bad`)).status).toBe(401);
    expect(made.sent).toEqual(["/bad 1", "/bad 2"]);
    const told = made.needs.map(({ rejected }) => rejected?.generation);
    expect(told).toEqual([undefined, 1, 2]);
    expect(new Set(made.needs.slice(1).map(({ endpoint }) => endpoint)).size).toBe(1);
    // Endpoints that let tokens through are not among its troubles.
    expect((await made.vault().fetch(`${ORIGIN}/good`)).status).toBe(200);
    expect(made.needs.at(-1)?.passed).toBeUndefined();
  });

  it("has the next question of that endpoint name it, so that the owner serves nothing it rejects [P12]", async () => {
    const made = scene();
    await made.vault().getToken();
    made.answer = (generation) => (generation === 1 ? 401 : 200);
    await Promise.all([
      made.vault().fetch(`${ORIGIN}/v1/vms`),
      made.vault().fetch(`${ORIGIN}/v1/vms`),
    ]);
    const endpoints = made.needs.slice(1).map(({ endpoint }) => endpoint);
    expect(endpoints.every((endpoint) => endpoint === endpoints[0] && endpoint)).toBe(true);
  });
});

describe("a `waitUntil` that throws, as an unbound one does", () => {
  const waitUntil = (): never => {
    throw new TypeError("Illegal invocation");
  };

  it("fails no call, be it cold or a look in the background, and no event [F98]", async () => {
    const clock = manualClock();
    const told: string[] = [];
    let asked = 0;
    const owner = {
      async token() {
        asked += 1;
        return { revision: 1, lease: { accessToken: "at-1", sessionId: "s", generation: 1 } };
      },
    } as unknown as Owner;
    const vault = proxyTo(() => owner, provider, {
      clock,
      waitUntil,
      onEvent: ({ type }) => told.push(type),
      fetch: async () => new Response("ok"),
    });
    const statusOf = async (url: string): Promise<number> =>
      (await vault.fetch(url, { waitUntil } as RequestInit)).status;
    expect(await statusOf(`${ORIGIN}/v1/vms`)).toBe(200);
    await clock.advance(31_000);
    expect(await statusOf(`${ORIGIN}/v1/vms`)).toBe(200);
    await settle();
    expect(asked).toBe(2);
    expect(await statusOf("https://other.example/")).toBe(200);
    expect(told).toEqual(["bare"]);
  });
});

describe("a request of a Worker's that goes out bare", () => {
  it("is told once for each origin, though each request has a vault of its own [F88]", async () => {
    const told: VaultEvent[] = [];
    const made = scene((event) => told.push(event));
    for (const url of ["https://other.example/a", "https://other.example/b", "http://localhost/"])
      expect((await made.vault().fetch(url)).status).toBe(200);
    await made.vault().fetch(`${ORIGIN}/v1/vms`);
    expect(told).toEqual(
      ["https://other.example", "http://localhost"].map((origin) => ({
        type: "bare",
        account: "a",
        origin,
      })),
    );
  });
});

it.each(["signOut", "removeAccount"] as const)(
  "%s that fails serves no token from the isolate's memory any more [P4]",
  async (leave) => {
    let asked = 0;
    const owner = {
      async token() {
        asked += 1;
        return { revision: 1, lease: { accessToken: "at-1", sessionId: "s", generation: 1 } };
      },
      [leave]: () => Promise.reject(new Error("down")),
    } as unknown as Owner;
    const vault = proxyTo(() => owner, provider);
    await vault.getToken();
    await vault.getToken();
    expect(asked).toBe(1);
    await expect(vault[leave]()).rejects.toThrow();
    await vault.getToken();
    expect(asked).toBe(2);
  },
);
