/** Grants that come when their exchange has ended: a `fetch`, or a provider, may not hear a signal. */
import { describe, expect, it } from "vitest";
import { deferred } from "../../../src/guard/deferred.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import type { Lock } from "../../../src/types.ts";
import { manualClock } from "../../support/clock.ts";
import { acme, credentials, type FakeApi, never } from "../../support/fake-api.ts";
import { bench, type Bench, refreshes, signedIn } from "../../support/vault.ts";
import {
  gate,
  HOUR,
  MINUTE,
  oddStore,
  outcome,
  rest,
  SECOND,
  slowly,
  within,
} from "./faulty-parts.ts";

/** The refresh tokens that were revoked. */
const revoked = (api: FakeApi): string[] =>
  api.to("/revoke").map(({ body }) => (JSON.parse(body) as { token: string }).token);

/** Longer than an exchange may take. */
const LATE = 18 * SECOND;

/** Its token has ended, and its refresh is answered late. */
async function refreshingLate(options: Parameters<typeof signedIn>[0] = {}): Promise<Bench> {
  const made = await signedIn(options);
  const { api, clock } = made;
  await clock.advance(HOUR);
  api.refresh = slowly(clock, LATE, api.refresh);
  return made;
}

describe("a refresh's grant that comes when its exchange has ended [P20]", () => {
  it("is stored, and serves who waits [P17 P20]", async () => {
    const { vault, api, clock, store } = await refreshingLate();
    const call = outcome(vault.getToken());
    await clock.advance(SECOND);
    // The last chance is taken, and not answered in time.
    api.refresh = never;
    expect(await within(clock, LATE, call)).toBe("access-2-secret");
    const other = bench({ api, clock, store });
    expect(await within(clock, SECOND, other.vault.getToken())).toBe("access-2-secret");
    expect(refreshes({ api })).toBe(2);
    expect(revoked(api)).toEqual([]);
  });

  it("takes the place of the trouble that still waits for the store, in one revision [P3 P20]", async () => {
    const clock = manualClock();
    const store = oddStore(clock);
    const { vault } = await refreshingLate({ clock, store });
    void outcome(vault.getToken());
    await clock.advance(SECOND);
    store.isDown = true;
    await clock.advance(LATE);
    const before = store.writes.at(-1);
    store.isDown = false;
    await clock.advance(HOUR / 2);
    const after = store.writes[store.writes.indexOf(before as never) + 1];
    expect(after?.revision).toBe((before?.revision ?? 0) + 1);
    expect(after?.body).toMatchObject({ generation: 2 });
    expect(await within(clock, SECOND, vault.getToken())).toBe("access-2-secret");
  });

  it("is revoked where the session has ended meanwhile [P4 P20 S14]", async () => {
    const { vault, api, clock } = await refreshingLate();
    void outcome(vault.getToken());
    await clock.advance(SECOND);
    await vault.signOut();
    await clock.advance(LATE);
    expect(revoked(api)).toEqual(["refresh-1-secret", "refresh-2-secret"]);
    expect(vault.snapshot().status).toBe("signed-out");
  });

  it("is revoked by a sign-out, though it is only on its way to the store [P20 S14]", async () => {
    const clock = manualClock();
    const store = oddStore(clock);
    const { vault, api } = await refreshingLate({ clock, store });
    api.refresh = slowly(clock, SECOND, api.refresh);
    void outcome(vault.getToken());
    await clock.advance(500);
    store.delay = 3 * SECOND;
    // The grant has come, and the record is being read before it is written.
    await clock.advance(19 * SECOND);
    await within(clock, MINUTE, outcome(vault.signOut()));
    await clock.advance(MINUTE);
    expect(revoked(api)).toContain("refresh-2-secret");
    expect(vault.snapshot().status).toBe("signed-out");
  });

  it("is not taken where a later one stands [P2 P20]", async () => {
    const provider = acme({ rotation: "none" });
    const store = memoryStore();
    const { vault, api, clock } = await refreshingLate({ provider, store });
    void outcome(vault.getToken());
    await clock.advance(SECOND);
    api.refresh = ({ url }) =>
      Response.json({ access_token: "access-9-secret", expires_in: 3600, url });
    const other = bench({ provider, store, api, clock });
    const call = outcome(other.vault.getToken());
    expect(await within(clock, 17 * SECOND, call)).toBe("access-9-secret");
    await clock.advance(MINUTE);
    expect(await within(clock, SECOND, vault.getToken())).toBe("access-9-secret");
    expect(await within(clock, SECOND, other.vault.getToken())).toBe("access-9-secret");
  });

  it("is nothing to a closed vault [P21]", async () => {
    const clock = manualClock();
    const store = oddStore(clock);
    const { vault, api } = await refreshingLate({ clock, store });
    void outcome(vault.getToken());
    await clock.advance(SECOND);
    vault.close();
    // The exchange's deadline.
    await clock.advance(16 * SECOND);
    const { operations } = store;
    await clock.advance(MINUTE);
    expect(store.operations).toBe(operations);
    expect(revoked(api)).toEqual([]);
  });
});

/** An attempt's own lock, which only the first attempt has at once. */
function slowLock(): Lock & { holds: number; readonly open: () => void } {
  const second = deferred();
  const self = {
    spans: "context" as const,
    holds: 0,
    open: second.settle,
    run: <T>(_: string, task: () => Promise<T>) => task(),
    async hold() {
      self.holds += 1;
      if (self.holds > 1) await second.done;
      return () => {};
    },
    isFree: async () => true,
  };
  return self;
}

describe("a late grant, while the next attempt of the same context is on its way", () => {
  it("stands against that attempt in a session that lives in memory alone [P2 P3 P20]", async () => {
    const clock = manualClock();
    const store = { ...oddStore(clock), scope: async () => "here" };
    const lock = slowLock();
    const { vault, api } = bench({ clock, store, lock, provider: acme() });
    Object.assign(store, { write: () => Promise.reject(new Error("full")) });
    await within(clock, MINUTE, vault.signIn(credentials));
    const late = gate(api.refresh);
    api.refresh = late.answer;
    await clock.advance(HOUR);
    const call = outcome(vault.getToken());
    for (let steps = 0; lock.holds < 2 && steps < 300; steps++) await clock.advance(SECOND / 10);
    expect([lock.holds, late.arrived]).toEqual([2, 1]);
    late.open();
    await rest();
    lock.open();
    await within(clock, SECOND, call);
    expect(await within(clock, SECOND, vault.getToken())).toBe("access-2-secret");
    await clock.advance(MINUTE);
    expect(late.arrived).toBe(1);
    expect(vault.snapshot().generation).toBe(2);
  });

  it("that is outdone by that attempt's grant holds nothing back in memory alone [P17 P20]", async () => {
    const clock = manualClock();
    const store = { ...memoryStore(), write: () => Promise.reject(new Error("full")) };
    const { vault, api } = bench({ clock, store, provider: acme({ rotation: "none" }) });
    await within(clock, MINUTE, vault.signIn(credentials));
    const { refresh } = api;
    const late = gate(refresh);
    api.refresh = (call, ordinal) => {
      api.refresh = refresh;
      return late.answer(call, ordinal);
    };
    await clock.advance(HOUR - 5 * MINUTE);
    expect([late.arrived, vault.snapshot().generation]).toEqual([1, 2]);
    late.open();
    await clock.advance(HOUR);
    expect(await within(clock, MINUTE, vault.getToken())).toBe("access-4-secret");
    expect(vault.snapshot().generation).toBe(3);
  });

  it("stops that attempt at its fence, though the grant is still to be written [P2 P8]", async () => {
    const clock = manualClock();
    const store = oddStore(clock);
    const fence = gate(() => new Response());
    const { head } = store;
    const { vault, api } = await signedIn({ clock, store });
    await clock.advance(HOUR);
    const late = gate(api.refresh);
    api.refresh = late.answer;
    const call = outcome(vault.getToken());
    await clock.advance(SECOND);
    store.head = async (key) => {
      await fence.answer(undefined as never, 1);
      return head(key);
    };
    for (let steps = 0; !fence.arrived && steps < 300; steps++) await clock.advance(SECOND / 10);
    expect([fence.arrived, late.arrived]).toEqual([1, 1]);
    late.open();
    await rest();
    fence.open();
    expect(await within(clock, SECOND, call)).toBe("access-2-secret");
    await clock.advance(MINUTE);
    expect(late.arrived).toBe(1);
    expect(store.writes.at(-1)?.body).toMatchObject({ generation: 2 });
  });
});

describe("a sign-in's grant that comes when nobody waits for it", () => {
  it("because it was aborted, is revoked [P20 S14]", async () => {
    const { vault, api, clock } = bench();
    api.login = slowly(clock, SECOND, api.login);
    const controller = new AbortController();
    const signingIn = outcome(vault.signIn(credentials, { signal: controller.signal }));
    await rest();
    controller.abort({ code: "given up" });
    expect(await within(clock, 0, signingIn)).toBe("given up");
    await clock.advance(2 * SECOND);
    expect(revoked(api)).toEqual(["refresh-1-secret"]);
    expect(vault.snapshot().status).not.toBe("signed-in");
  });

  it("because its time was over, is revoked [P20 S14]", async () => {
    const { vault, api, clock } = bench();
    api.login = slowly(clock, LATE, api.login);
    const signingIn = outcome(vault.signIn(credentials));
    expect(await within(clock, 16 * SECOND, signingIn)).toBe("sign_in_failed");
    await clock.advance(LATE);
    expect(revoked(api)).toEqual(["refresh-1-secret"]);
  });

  it("is not revoked where one exchange waits for the other: the next one may have followed [S14]", async () => {
    const { vault, api, clock } = bench({ provider: { ...acme(), wrap: (engine) => engine } });
    api.login = slowly(clock, SECOND, api.login);
    const controller = new AbortController();
    void outcome(vault.signIn(credentials, { signal: controller.signal }));
    await rest();
    controller.abort();
    await clock.advance(2 * SECOND);
    expect(api.to("/login")).toHaveLength(1);
    expect(revoked(api)).toEqual([]);
  });
});

describe("the grant of a refresh whose session another one has followed meanwhile", () => {
  it.each([
    { what: "is revoked while the vault is open", isClosed: false },
    { what: "is not revoked by a closed vault: there nothing is begun", isClosed: true },
  ])("$what [P20 P21 F47]", async ({ isClosed }) => {
    const made = await signedIn();
    const { vault, api, clock, store } = made;
    const refresh = gate(api.refresh);
    api.refresh = refresh.answer;
    await clock.advance(HOUR);
    void outcome(vault.getToken());
    await rest();
    expect(refresh.arrived).toBe(1);
    await within(clock, SECOND, vault.signIn(credentials));
    if (isClosed) vault.close();
    refresh.open();
    await clock.advance(MINUTE);
    expect(revoked(api)).toEqual(isClosed ? [] : ["refresh-3-secret"]);
    const other = bench({ api, clock, store });
    expect(await within(clock, SECOND, other.vault.getToken())).toBe("access-2-secret");
  });
});
