/** Stores, channels and locks that fail in ways of their own: what callers get, and what stays open. */
import { describe, expect, it } from "vitest";
import { memoryStore } from "../../../src/stores/memory.ts";
import type { Channel, Clock, Lock, PeerMessage, TokenStore } from "../../../src/types.ts";
import { manualClock } from "../../support/clock.ts";
import { acme, credentials } from "../../support/fake-api.ts";
import { bench, refreshes, signedIn, VMS } from "../../support/vault.ts";
import { HOUR, MINUTE, oddStore, outcome, rest, SECOND, within } from "./faulty-parts.ts";

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

describe("a channel that throws", () => {
  const bad = (): never => {
    throw new Error("no channel here");
  };
  const port = { post() {}, close() {}, isConnected: () => true };
  const channels: Readonly<Record<string, Channel>> = {
    post: { open: () => ({ ...port, post: bad }) },
    isConnected: { open: () => ({ ...port, isConnected: bad }) },
    close: { open: () => ({ ...port, close: bad }) },
    open: { open: bad },
  };

  it.each(Object.keys(channels))(
    "in %s fails neither a sign-in, a refresh nor the end: messages are advice [P19 P20 P21]",
    async (name) => {
      const made = bench({ channel: channels[name]! });
      await made.vault.signIn(credentials);
      await made.clock.advance(HOUR);
      expect(await within(made.clock, MINUTE, made.vault.getToken())).toBe("access-2-secret");
      await made.vault.signOut();
      expect(made.types()).toContain("signed-in");
      await within(made.clock, MINUTE, made.vault[Symbol.asyncDispose]());
    },
  );

  it("in isConnected is not connected: nobody waits for an answer to a last question [P10]", async () => {
    const { vault, api, clock } = await signedIn({ channel: channels["isConnected"]! });
    api.expire();
    expect((await within(clock, MINUTE, vault.fetch(VMS))).status).toBe(200);
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
