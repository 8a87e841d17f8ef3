/** What a hostile reviewer found: loops, losses and leaks in code that is reached seldom. */
import { describe, expect, it } from "vitest";
import type { PasswordCredentials } from "../../../src/providers/password.ts";
import { createMind } from "../../../src/refresh/mind.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import type {
  Channel,
  Clock,
  Lock,
  Outcome,
  PeerMessage,
  Provider,
  TokenStore,
} from "../../../src/types.ts";
import { createOwnedVault, type VaultEvent } from "../../../src/vault/vault.ts";
import { manualClock } from "../../support/clock.ts";
import { acme, credentials, fakeApi, ORIGIN, reply } from "../../support/fake-api.ts";
import { session } from "../../support/session.ts";
import {
  bench,
  type BenchOptions,
  closedAfter,
  refreshes,
  signedIn,
  VMS,
} from "../../support/vault.ts";
import {
  gate,
  HOUR,
  MINUTE,
  odd,
  oddStore,
  outcome,
  rest,
  SECOND,
  within,
} from "./faulty-parts.ts";

/** A vault and what an owner elsewhere asks: the engine itself. */
function ownerOf(options: Pick<BenchOptions, "api" | "clock" | "store">) {
  const { api = fakeApi(), clock = manualClock(), store = memoryStore() } = options;
  const { vault, engine } = createOwnedVault<PasswordCredentials>({
    provider: acme(),
    fetch: api.fetch,
    random: () => 0.5,
    clock,
    store,
  });
  return { vault: closedAfter(vault), engine };
}

/** A channel that knows how many of its ends are open. */
function counted(): { channel: Channel; count: () => number } {
  let opened = 0;
  const channel: Channel = {
    open() {
      opened += 1;
      return { post() {}, close: () => void (opened -= 1) };
    },
  };
  return { channel, count: () => opened };
}

const ok = (): Response => reply(200, { ok: true });
const no = (): Response => reply(401, { error: "no" });

describe("a 401 that another reply of the same endpoint takes back", () => {
  it("is the answer, and the store is not asked without a pause meanwhile [F54 P10]", async () => {
    const { vault, api, clock, store } = await odd();
    // Some endpoint is in question, so that successes are told.
    api.api = no;
    await within(clock, MINUTE, vault.fetch(`${ORIGIN}/v1/bad`));
    await clock.advance(HOUR);
    api.api = ok;
    await within(clock, MINUTE, vault.fetch(VMS));
    const [first, second] = [gate(no), gate(ok)];
    api.api = first.answer;
    const refused = vault.fetch(VMS);
    await rest();
    api.api = second.answer;
    const passed = vault.fetch(VMS);
    await rest();
    store.operations = 0;
    first.open();
    await rest();
    second.open();
    expect((await within(clock, MINUTE, passed)).status).toBe(200);
    expect((await within(clock, MINUTE, refused)).status).toBe(401);
    expect(store.operations).toBeLessThan(300);
  });
});

describe("a 401 that a context hears of before it has read its session", () => {
  it("is healed as any other is: an owner may have been built anew meanwhile [P10 P12 F34]", async () => {
    const clock = manualClock();
    const store = oddStore(clock);
    const api = fakeApi();
    const one = ownerOf({ api, clock, store });
    await one.vault.signIn(credentials);
    const rejected = await one.engine.getToken();
    await clock.advance(MINUTE);
    const two = ownerOf({ api, clock, store });
    const from = clock.running();
    const asked = Promise.resolve(two.engine.getToken({ rejected, endpoint: "e" }));
    expect((await within(clock, MINUTE, asked)).generation).toBe(2);
    expect(clock.running() - from).toBeLessThan(SECOND);
    expect(refreshes({ api })).toBe(1);
  });
});

describe("a caller that had a later generation than stands here", () => {
  it("waits for it with pauses, and not beyond its patience [F54 P10]", async () => {
    const clock = manualClock();
    const store = oddStore(clock);
    const { vault, engine } = ownerOf({ api: fakeApi(), clock, store });
    await vault.signIn(credentials);
    const rejected = { ...(await engine.getToken()), generation: 9 };
    store.operations = 0;
    const from = clock.running();
    const asked = outcome(Promise.resolve(engine.getToken({ rejected, endpoint: "e" })));
    expect(await within(clock, MINUTE, asked)).toBe("refresh_failed");
    expect(clock.running() - from).toBe(20 * SECOND);
    expect(store.operations).toBeLessThan(300);
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

describe("a store that does not compare and set, and never answers one question", () => {
  const noRotation = acme({ rotation: "none" });

  it.each(["read", "write"] as const)(
    "(%s) hides no good token, and answers again when it can [F59 P10]",
    async (which) => {
      const clock = manualClock();
      const inner = memoryStore();
      let hangs = false;
      const hang = <T>(): Promise<T> => new Promise<T>(() => {});
      const store = {
        ...inner,
        atomic: false,
        read: (key: string) => (hangs && which === "read" ? hang<undefined>() : inner.read(key)),
        write: (...all: Parameters<typeof inner.write>) =>
          hangs && which === "write" ? hang<boolean>() : inner.write(...all),
      };
      const { vault } = await signedIn({ store, clock, provider: noRotation });
      await clock.advance(2_900 * SECOND);
      hangs = true;
      expect(await within(clock, MINUTE, outcome(vault.getToken()))).toBe("access-1-secret");
      await clock.advance(30 * SECOND);
      hangs = false;
      await clock.advance(5 * MINUTE);
      const from = clock.running();
      expect(await within(clock, MINUTE, outcome(vault.getToken()))).toBe("access-1-secret");
      expect(clock.running() - from).toBeLessThanOrEqual(5 * SECOND);
      // It was renewed in passing, and can be once more.
      await clock.advance(HOUR);
      expect(await within(clock, MINUTE, outcome(vault.getToken()))).toBe("access-3-secret");
      await within(clock, MINUTE, Promise.resolve(vault[Symbol.asyncDispose]()));
    },
  );
});

describe("the same token, adopted twice at once", () => {
  it("is not revoked: it is the one that is served [S14 P19]", async () => {
    const { vault, api, clock } = bench();
    const tokens = { accessToken: "access-1-secret", refreshToken: "refresh-1-secret" };
    const both = Promise.all([vault.adopt(tokens), vault.adopt(tokens)]);
    await within(clock, MINUTE, both);
    await rest();
    expect(api.to("/revoke")).toHaveLength(0);
    expect(await vault.getToken()).toBe("access-1-secret");
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

describe("a channel whose post throws", () => {
  it("fails neither a sign-in nor a refresh: messages are advisory [P19 P20]", async () => {
    const channel = {
      open: () => ({
        post(): void {
          throw new Error("closed");
        },
        close() {},
      }),
    };
    const made = bench({ channel });
    await made.vault.signIn(credentials);
    await made.clock.advance(HOUR);
    expect(await within(made.clock, MINUTE, made.vault.getToken())).toBe("access-2-secret");
    await made.vault.signOut();
    expect(made.types()).toContain("signed-in");
  });
});

describe("removeAccount of a store that is down", () => {
  it("is tried again while the vault is open, and leaves no channel open after it [P21 S14]", async () => {
    const clock = manualClock();
    const store = oddStore(clock);
    const { channel, count } = counted();
    const { vault } = bench({ store, clock, channel });
    store.isDown = true;
    expect(await within(clock, MINUTE, outcome(vault.removeAccount("other")))).toBe(
      "store_unavailable",
    );
    store.isDown = false;
    await within(clock, MINUTE, vault[Symbol.asyncDispose]());
    expect(count()).toBe(0);
  });
});

describe("a sign-out that a store refuses to write for long", () => {
  it("is told to the others once for what it has ended, when it is written [F46]", async () => {
    const clock = manualClock();
    const inner = memoryStore();
    let isReadOnly = false;
    const store = {
      ...inner,
      write: (...all: Parameters<typeof inner.write>) =>
        isReadOnly ? Promise.reject(new Error("read-only")) : inner.write(...all),
    };
    const posted: string[] = [];
    const channel = {
      open: () => ({ post: ({ type }: PeerMessage) => void posted.push(type), close() {} }),
    };
    const other = await signedIn({ store, clock });
    other.vault.close();
    const { vault } = bench({ store, clock, channel });
    isReadOnly = true;
    await within(clock, MINUTE, outcome(vault.signOut()));
    await clock.advance(HOUR);
    isReadOnly = false;
    await clock.advance(HOUR);
    expect(posted).toEqual(["changed"]);
  });
});

describe("getToken({ rejected })", () => {
  it("takes its patience once, for both of its waits [F51 P10]", async () => {
    const { vault, api, clock, store } = await odd();
    api.refresh = () => new Promise<Response>(() => {});
    await clock.advance(2 * MINUTE);
    store.delay = 4 * SECOND;
    const from = clock.running();
    const call = outcome(vault.getToken({ rejected: "access-1-secret" }));
    expect(await within(clock, HOUR, call)).toBe("refresh_failed");
    expect(clock.running() - from).toBeLessThanOrEqual(20 * SECOND);
  });
});

describe("close() of a vault with a bug in what is still to be written", () => {
  it("rejects nowhere, and leaves no channel open [F53 P21]", async () => {
    let looks = 0;
    const retryAfter = {
      valueOf() {
        looks += 1;
        if (looks > 1) throw new RangeError("a bug");
        return 0;
      },
    } as unknown as number;
    const renew = async (): Promise<Outcome> => ({ type: "trouble", retryAfter });
    const { channel, count } = counted();
    const provider = { ...acme({ rotation: "none" }), renew };
    const { vault, clock } = await signedIn({ channel, provider });
    const rejections: unknown[] = [];
    const note = (reason: unknown): void => void rejections.push(reason);
    process.on("unhandledRejection", note);
    try {
      await clock.advance(HOUR);
      await within(clock, MINUTE, outcome(vault.getToken()));
      vault.close();
      await clock.advance(MINUTE);
      expect(rejections).toEqual([]);
      expect(count()).toBe(0);
    } finally {
      process.off("unhandledRejection", note);
    }
  });
});

describe("an adoption that yields to what came after it", () => {
  it("is told as no sign-in, neither over a sign-out nor over somebody else's session [P4 P9 P19]", async () => {
    const clock = manualClock();
    const [store, api] = [memoryStore(), fakeApi()];
    const other = await signedIn({ store, clock, api });
    const { vault, engine } = ownerOf({ store, clock, api });
    const told: VaultEvent[] = [];
    vault.events((event) => told.push(event));
    const tokens = { accessToken: "access-9-secret", refreshToken: "refresh-9-secret" };
    const startedAt = clock.now() - MINUTE;
    await clock.advance(SECOND);
    await engine.adopt(tokens, { sessionId: "late", startedAt });
    await rest();
    expect(told.map(({ type }) => type)).not.toContain("signed-in");
    await other.vault.signOut();
    await clock.advance(SECOND);
    await engine.adopt(tokens, { sessionId: "later", startedAt });
    await rest();
    expect(told.map(({ type }) => type)).not.toContain("signed-in");
    expect(vault.snapshot().status).toBe("signed-out");
  });
});

describe("a lock that is silent, and deaf to an abort", () => {
  it("keeps nobody from a token for longer than an exchange, then or later [F2 P10]", async () => {
    const lock: Lock = { run: () => new Promise<never>(() => {}) };
    const { vault, api, clock } = await signedIn({ lock });
    await clock.advance(HOUR);
    expect(await within(clock, MINUTE, outcome(vault.getToken()))).toBe("access-2-secret");
    expect(refreshes({ api })).toBe(1);
    await within(clock, MINUTE, Promise.resolve(vault[Symbol.asyncDispose]()));
  });
});

describe("a lock whose hold and isFree throw", () => {
  it("is as good as none: an attempt goes on without a sign of life [F57 F6]", async () => {
    const bad = (): never => {
      throw new Error("no locks here");
    };
    const lock: Lock = { run: (_, task) => task(), spans: "context", hold: bad, isFree: bad };
    const store = { ...memoryStore(), scope: async () => "here" };
    const { vault, clock } = await signedIn({ lock, store });
    await clock.advance(HOUR);
    expect(await within(clock, MINUTE, outcome(vault.getToken()))).toBe("access-2-secret");
  });
});

describe("a sign-in that others' writes get in the way of", () => {
  it("keeps a process alive until it is stored: its pauses are no mere hints [P19]", async () => {
    const inner = memoryStore();
    const clock = manualClock();
    /** The timers that a process would stay for. */
    const holding = new Set<object>();
    const watched: Clock = {
      ...clock,
      setTimeout(callback, ms) {
        const handle = { unref: () => void holding.delete(handle), own: {} as unknown };
        holding.add(handle);
        handle.own = clock.setTimeout(() => {
          holding.delete(handle);
          callback();
        }, ms);
        return handle;
      },
      clearTimeout(handle) {
        if (!handle) return;
        holding.delete(handle);
        clock.clearTimeout((handle as { own: unknown }).own);
      },
    };
    let losses = 3;
    const store: TokenStore = {
      ...inner,
      async write(...all) {
        losses -= 1;
        return losses < 0 && inner.write(...all);
      },
    };
    const { vault } = bench({ clock: { ...clock, ...watched }, store });
    const done = vault.signIn(credentials);
    await rest();
    expect(losses).toBeGreaterThanOrEqual(0);
    expect(holding.size).toBeGreaterThan(0);
    await within(clock, MINUTE, done);
    expect(holding.size).toBe(0);
  });
});

describe("a context that signs in again and again", () => {
  it("remembers a bounded number of sessions, and ends the last one all the same [P4]", async () => {
    const clock = manualClock();
    const store = memoryStore();
    const mind = createMind({
      setting: { renewal: undefined, store },
      clock,
      maxStaleness: MINUTE,
      refreshAhead: false,
      world: () => ({ isOnline: true, isHeldOpen: true, canAsk: false, isWanted: false }),
      look() {},
      onNews() {},
    });
    for (let one = 0; one < 1_000; one++) {
      const sessionId = `s-${one}`;
      const change = { type: "begin", session: { ...session, sessionId } } as const;
      const marks = { basis: undefined, madeAt: 0, isFailed: true, mayBeWritten: false };
      mind.learn({ type: "changed", change: { ...change, ...marks } });
      mind.learn({ type: "unpersisted" });
      mind.learn({ type: "helpless" });
      const sessionIds = new Set([sessionId]);
      const at = mind.moment();
      const end = { type: "end", sessionIds, at, mayArrive: undefined, isFailed: false } as const;
      mind.learn({ type: "changed", change: end });
      mind.learn({ type: "settled", changes: mind.known.changes });
    }
    const { met, ended, told } = mind.known;
    for (const names of [met, ended, told]) {
      expect(names.size).toBe(256);
      expect(names.has("s-999")).toBe(true);
    }
    mind.close();
  });
});
