/** After `close()` nothing is begun, and what was under way is finished in time. */
import { describe, expect, it } from "vitest";
import type { Lock } from "../../../src/types.ts";
import { settle } from "../../support/clock.ts";
import { credentials, never, reply } from "../../support/fake-api.ts";
import { type Bench, bench, refreshes, signedIn, VMS } from "../../support/vault.ts";
import {
  gate,
  HOUR,
  MINUTE,
  type Odd,
  odd,
  oddBench,
  outcome,
  SECOND,
  within,
} from "./faulty-parts.ts";

const bob = { email: "bob@acme.test", password: "correct-horse-secret" };
const grantBob = (): Response =>
  reply(200, {
    access_token: "access-bob-secret",
    refresh_token: "refresh-bob-secret",
    expires_in: 3600,
  });

/** What somebody finds who opens the store anew. */
async function reopened({ api, clock, store }: Bench): Promise<unknown> {
  const fresh = bench({ api, clock, store });
  return within(clock, MINUTE, outcome(fresh.vault.getToken()));
}

const revoked = ({ api }: Bench, what: string): number =>
  api.to("/revoke").filter(({ body }) => body.includes(what)).length;

describe("close() while a sign-in is being stored", () => {
  const offsets = [0, 1, 5, 9, 10, 11, 15, 19, 20, 21];

  it.each(offsets)(
    "%i ms after its reply leaves it stored and not revoked [F47 P20 P21]",
    async (after) => {
      for (const isSignedIn of [true, false]) {
        const made = isSignedIn ? await odd() : oddBench();
        const { vault, api, clock, store } = made;
        api.login = grantBob;
        store.delay = 10;
        const signingIn = outcome(vault.signIn(bob));
        await clock.advance(after);
        vault.close();
        const end = await within(clock, MINUTE, signingIn);
        await clock.advance(MINUTE);
        store.delay = 0;
        expect(await reopened(made)).toBe("access-bob-secret");
        expect(revoked(made, "bob")).toBe(0);
        // The caller who asked for it is told what became of it, or that the vault is closed.
        expect([undefined, "closed"]).toContain(end);
      }
    },
  );

  it("by asyncDispose waits until it is stored [F47 P21]", async () => {
    const made = await odd();
    const { vault, api, clock, store } = made;
    api.login = grantBob;
    store.delay = 10;
    const signingIn = outcome(vault.signIn(bob));
    await clock.advance(5);
    await within(clock, 20 * SECOND, vault[Symbol.asyncDispose]());
    store.delay = 0;
    expect(await reopened(made)).toBe("access-bob-secret");
    expect(await within(clock, MINUTE, signingIn)).toSatisfy(
      (end) => end === undefined || end === "closed",
    );
    expect(revoked(made, "bob")).toBe(0);
  });

  it("by adopt() leaves it stored, too [F47 P19]", async () => {
    for (const after of offsets) {
      const made = await odd();
      const { vault, clock, store } = made;
      store.delay = 10;
      const adopting = outcome(
        vault.adopt({ accessToken: "access-bob-secret", refreshToken: "refresh-bob-secret" }),
      );
      await clock.advance(after);
      vault.close();
      await within(clock, MINUTE, adopting);
      await clock.advance(MINUTE);
      store.delay = 0;
      expect(await reopened(made)).toBe("access-bob-secret");
      expect(revoked(made, "bob")).toBe(0);
    }
  });

  it("gives up in time where the store is slow and always answers no [F54 P21]", async () => {
    const { vault, clock, store } = await odd();
    store.delay = 4 * SECOND;
    store.isDeaf = true;
    const signingIn = outcome(vault.signIn(bob));
    await clock.advance(SECOND);
    vault.close();
    // An exchange, and two answers of the store.
    await clock.advance(35 * SECOND);
    const { operations } = store;
    await clock.advance(10 * MINUTE);
    expect(store.operations).toBe(operations);
    expect(await signingIn).toBeUndefined();
  });

  it("while its reply is still to come, either stores it or revokes it [P20 P21]", async () => {
    const made = await odd();
    const { vault, api, clock } = made;
    const login = gate(grantBob);
    api.login = login.answer;
    const signingIn = outcome(vault.signIn(bob));
    await settle();
    expect(login.arrived).toBe(1);
    vault.close();
    await clock.advance(SECOND);
    login.open();
    await within(clock, MINUTE, signingIn);
    await clock.advance(MINUTE);
    const isStored = (await reopened(made)) === "access-bob-secret";
    expect(revoked(made, "refresh-bob-secret")).toBe(isStored ? 0 : 1);
  });
});

/** Disposed of while a refresh is under way; its reply comes when the store is away. */
async function disposedInMidRefresh({
  vault,
  api,
  clock,
  store,
}: Odd): Promise<readonly [Promise<void>]> {
  const refresh = gate(api.refresh);
  api.refresh = refresh.answer;
  await clock.advance(HOUR);
  void outcome(vault.getToken());
  await settle();
  const disposed = vault[Symbol.asyncDispose]();
  store.isDown = true;
  refresh.open();
  // In a list, because an async function would wait for it.
  return [disposed];
}

describe("close() while a refresh is under way", () => {
  it.each([0, 1, 4, 9])("commits what its reply brings %i s later [P20 P21]", async (later) => {
    const made = await odd();
    const { vault, api, clock } = made;
    const refresh = gate(api.refresh);
    api.refresh = refresh.answer;
    await clock.advance(HOUR);
    const call = outcome(vault.getToken());
    await settle();
    expect(refresh.arrived).toBe(1);
    vault.close();
    await clock.advance(later * SECOND);
    refresh.open();
    await clock.advance(MINUTE);
    expect(await within(clock, MINUTE, call)).toSatisfy(
      (end) => end === "closed" || end === "access-2-secret",
    );
    expect(await reopened(made)).toBe("access-2-secret");
    expect(refreshes({ api })).toBe(1);
    expect(api.to("/revoke")).toEqual([]);
  });

  it.each([1, 3, 9])(
    "commits it though the store is away for %i s just then [P20 P21]",
    async (away) => {
      const made = await odd();
      const { api, clock, store } = made;
      const [disposed] = await disposedInMidRefresh(made);
      await clock.advance(away * SECOND);
      store.isDown = false;
      await within(clock, 2 * SECOND, disposed);
      expect(await reopened(made)).toBe("access-2-secret");
      expect(refreshes({ api })).toBe(1);
    },
  );

  it("ends though the store never comes back [P10 P21]", async () => {
    const made = await odd();
    const { clock } = made;
    const [disposed] = await disposedInMidRefresh(made);
    await within(clock, 30 * SECOND, disposed);
    expect(clock.pending()).toEqual([]);
  });

  it("by asyncDispose waits for its commit, and not longer than an exchange may take [P21]", async () => {
    const made = await odd();
    const { vault, api, clock, store } = made;
    const refresh = gate(api.refresh);
    api.refresh = refresh.answer;
    await clock.advance(HOUR);
    void outcome(vault.getToken());
    await settle();
    store.delay = 10;
    const disposed = vault[Symbol.asyncDispose]();
    let isDone = false;
    void disposed.then(() => (isDone = true));
    await clock.advance(5 * SECOND);
    expect(isDone).toBe(false);
    refresh.open();
    await within(clock, SECOND, disposed);
    store.delay = 0;
    expect(await reopened(made)).toBe("access-2-secret");
  });

  it("by asyncDispose ends though its reply never comes [P10 P21]", async () => {
    const { vault, api, clock } = await odd();
    api.refresh = never;
    await clock.advance(HOUR);
    void outcome(vault.getToken());
    await settle();
    await within(clock, 30 * SECOND, vault[Symbol.asyncDispose]());
  });
});

describe("close() between an intent and its request", () => {
  it.each([1, 9, 11, 19, 21, 29, 31])(
    "%i ms after the call leaves no intent that others would wait for [P10 P21]",
    async (after) => {
      const made = await odd();
      const { vault, api, clock, store } = made;
      await clock.advance(HOUR);
      const before = refreshes({ api });
      store.delay = 10;
      const call = outcome(vault.getToken());
      await clock.advance(after);
      vault.close();
      await within(clock, MINUTE, call);
      await clock.advance(MINUTE);
      store.delay = 0;
      const [key] = await store.list("");
      expect((await store.head(key!))?.attemptId).toBeUndefined();
      expect(await reopened(made)).toBe("access-2-secret");
      expect(refreshes({ api })).toBe(before + 1);
    },
  );
});

describe("close() while the lock is waited for [F50]", () => {
  /** Somebody else has the lock, and lets go of it when the test says so. */
  function heldLock(): Lock & { letGo(): void; asked: number } {
    let go = (): void => {};
    const free = new Promise<void>((resolve) => (go = resolve));
    const self = {
      asked: 0,
      letGo: () => go(),
      async run<T>(_: string, task: () => Promise<T>, signal: AbortSignal): Promise<T> {
        self.asked += 1;
        const aborted = new Promise<never>((_, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
        });
        await Promise.race([free, aborted]);
        return task();
      },
    };
    return self;
  }

  it.each<[string, (wait: { clock: Bench["clock"]; lock: { letGo(): void } }) => Promise<unknown>]>(
    [
      ["when it comes", async ({ lock }) => lock.letGo()],
      ["when it does not come", async () => {}],
      [
        "when it comes late",
        async ({ clock, lock }) => {
          await clock.advance(16 * SECOND);
          lock.letGo();
        },
      ],
    ],
  )("spends nothing %s [F50 P21]", async (_, then) => {
    const lock = heldLock();
    const { vault, api, clock, store } = await odd({ lock });
    await clock.advance(HOUR);
    const call = outcome(vault.getToken());
    await settle();
    expect(lock.asked).toBe(1);
    vault.close();
    await then({ clock, lock });
    await clock.advance(MINUTE);
    expect(await within(clock, MINUTE, call)).toBe("closed");
    expect(refreshes({ api })).toBe(0);
    // Nor is an intent left behind, which others would have to wait for.
    const [key] = await store.list("");
    expect((await store.head(key!))?.attemptId).toBeUndefined();
    const before = store.operations;
    await clock.advance(10 * MINUTE);
    expect(store.operations).toBe(before);
  });

  it("asyncDispose waits for nobody's lock: nothing would be begun under it [P21]", async () => {
    const lock = heldLock();
    const { vault, clock } = await odd({ lock });
    await clock.advance(HOUR);
    const call = outcome(vault.getToken());
    await settle();
    expect(lock.asked).toBe(1);
    await within(clock, SECOND, vault[Symbol.asyncDispose]());
    expect(await call).toBe("closed");
  });
});

describe("a closed vault", () => {
  it("begins nothing, whatever it is asked, woken by, or told [P21]", async () => {
    const wakes: (() => void)[] = [];
    const made = await odd({
      refreshAhead: true,
      onWake(listener) {
        wakes.push(listener);
        return () => {};
      },
    });
    const { vault, api, clock, store } = made;
    vault.close();
    await clock.advance(SECOND);
    const [asked, sent] = [store.operations, api.calls.length];
    const calls: readonly (() => Promise<unknown>)[] = [
      () => vault.fetch(VMS),
      () => vault.getToken(),
      () => vault.authorization(),
      () => vault.signIn(credentials),
      () => vault.adopt({ accessToken: "access-9-secret" }),
      () => vault.accounts(),
      () => vault.removeAccount("another"),
      () => vault.removeAccount("default"),
    ];
    for (const call of calls) expect(await within(clock, SECOND, outcome(call()))).toBe("closed");
    for (const wake of wakes) wake();
    vault.subscribe(() => {})();
    await clock.advance(2 * HOUR);
    expect([store.operations, api.calls.length]).toEqual([asked, sent]);
    expect(clock.pending()).toEqual([]);
  });

  it.each([SECOND, 2_800 * SECOND, HOUR])(
    "begins no refresh ahead of time, closed after %i ms [P21]",
    async (after) => {
      const { vault, api, clock } = await odd({ refreshAhead: true });
      api.refresh = () => reply(503, {});
      await clock.advance(after);
      vault.close();
      await clock.advance(MINUTE);
      const before = refreshes({ api });
      await clock.advance(2 * HOUR);
      expect(refreshes({ api })).toBe(before);
    },
  );

  it("sends nothing for a caller whose 401 comes after it [P21]", async () => {
    const { vault, api, clock } = await odd();
    const held = gate(() => reply(401, {}));
    api.api = held.answer;
    const call = outcome(vault.fetch(VMS));
    await settle();
    vault.close();
    held.open();
    const end = await within(clock, MINUTE, call);
    expect(end === "closed" || (end as Response).status === 401).toBe(true);
    await clock.advance(MINUTE);
    expect(refreshes({ api })).toBe(0);
    expect(api.to("/v1/vms")).toHaveLength(1);
  });

  it("closed twice, and disposed of after that, is closed [P21]", async () => {
    const { vault, clock } = await odd();
    vault.close();
    vault.close();
    await within(clock, SECOND, vault[Symbol.asyncDispose]());
  });
});

describe("a removal that the store did not take", () => {
  it.each([
    ["is tried again", false],
    ["is over soon after close(): the store is not asked any more", true],
  ])("%s [P21 F49]", async (_, isClosed) => {
    const { vault, api, clock, store } = await odd();
    const other = await signedIn({ api, clock, store, account: "other" });
    other.vault.close();
    store.isDown = true;
    const removing = outcome(vault.removeAccount("other"));
    expect(await within(clock, MINUTE, removing)).toBe("store_unavailable");
    if (isClosed) vault.close();
    // What is left to write is tried for as long as an exchange may take.
    await clock.advance(20 * SECOND);
    store.isDown = false;
    const before = store.operations;
    await clock.advance(10 * MINUTE);
    expect(store.operations > before).toBe(!isClosed);
  });
});

it("a slow store that answers no for ever is asked no longer than an exchange may take, and one round more [P21 F54]", async () => {
  const { vault, clock, store } = oddBench();
  store.delay = SECOND;
  store.isDeaf = true;
  void vault.signIn(credentials).catch(() => {});
  await settle();
  vault.close();
  await clock.advance(30 * SECOND);
  store.operations = 0;
  await clock.advance(MINUTE);
  expect(store.operations).toBe(0);
});
