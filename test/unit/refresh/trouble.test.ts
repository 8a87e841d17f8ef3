/** What a caller is told of trouble, and what trouble is: offline, a status of long ago, a full disk. */
import { describe, expect, it } from "vitest";
import { VaultError } from "../../../src/errors.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import type { TokenStore } from "../../../src/types.ts";
import { manualClock, settle } from "../../support/clock.ts";
import { acme, reply } from "../../support/fake-api.ts";
import { bench, refreshes, signedIn, VMS } from "../../support/vault.ts";
import { HOUR, MINUTE, oddStore, outcome, SECOND, within } from "./faulty-parts.ts";

/** What the error of a call says; fails where it does not reject. */
const errorOf = (promise: Promise<unknown>): Promise<{ code?: string; status?: number }> =>
  promise.then(
    () => expect.unreachable("It was expected to reject"),
    (error: { code?: string; status?: number }) => error,
  );

describe("online() that says no", () => {
  it("does not keep a caller's ended token from being renewed: browsers are often wrong [F55]", async () => {
    const { vault, api, clock } = await signedIn({ online: () => false });
    await clock.advance(HOUR);
    const from = clock.running();
    expect((await within(clock, MINUTE, vault.fetch(VMS))).status).toBe(200);
    expect(clock.running() - from).toBe(0);
    expect(refreshes({ api })).toBe(1);
  });

  it("does not do so after a 401 either [F55]", async () => {
    const { vault, api, clock } = await signedIn({ online: () => false });
    await clock.advance(MINUTE);
    api.expire();
    expect((await within(clock, MINUTE, vault.fetch(VMS))).status).toBe(200);
  });

  it("delays what nobody waits for [F55]", async () => {
    let online = false;
    const { vault, api, clock } = await signedIn({ online: () => online, refreshAhead: true });
    await clock.advance(2_850 * SECOND);
    expect((await vault.fetch(VMS)).status).toBe(200);
    await clock.advance(MINUTE);
    expect(refreshes({ api })).toBe(0);
    online = true;
    expect((await vault.fetch(VMS)).status).toBe(200);
    await clock.advance(MINUTE);
    expect(refreshes({ api })).toBe(1);
  });

  it("and a network that fails leave no cool-down to the others, and end with being online [F55]", async () => {
    let online = false;
    let wake = (): void => {};
    // Nothing is spent, so that nothing but the back-off holds the next try back.
    const made = await signedIn({
      provider: acme({ rotation: "none" }),
      online: () => online,
      onWake(listener) {
        wake = listener;
        return () => {};
      },
    });
    const { vault, api, clock, store } = made;
    await clock.advance(HOUR);
    const { refresh } = api;
    api.refresh = () => {
      throw new TypeError("fetch failed");
    };
    expect(await within(clock, MINUTE, outcome(vault.fetch(VMS)))).toBe("refresh_failed");
    const tries = refreshes({ api });
    expect(tries).toBeGreaterThan(0);
    const [key] = await store.list("");
    expect((await store.read(key!))!.body).not.toHaveProperty("coolDown.until");
    api.refresh = refresh;
    online = true;
    wake();
    const from = clock.running();
    expect((await within(clock, MINUTE, vault.fetch(VMS))).status).toBe(200);
    expect(clock.running() - from).toBeLessThanOrEqual(SECOND);
  });

  it("tries with pauses while a caller waits [F55 F14]", async () => {
    const { vault, api, clock } = await signedIn({
      provider: acme({ rotation: "none" }),
      online: () => false,
    });
    await clock.advance(HOUR);
    api.refresh = () => {
      throw new TypeError("fetch failed");
    };
    await within(clock, MINUTE, outcome(vault.fetch(VMS)));
    expect(refreshes({ api })).toBeGreaterThan(0);
    expect(refreshes({ api })).toBeLessThan(20);
  });
});

describe("online() that throws", () => {
  const online = (): boolean => {
    throw new Error("no navigator here");
  };

  it("does not keep a token from being renewed, and is nobody's error [F55]", async () => {
    const { vault, clock } = await signedIn({ online });
    await clock.advance(2_850 * SECOND);
    expect((await within(clock, MINUTE, vault.fetch(VMS))).status).toBe(200);
    await clock.advance(HOUR);
    expect((await within(clock, MINUTE, vault.fetch(VMS))).status).toBe(200);
    expect(vault.snapshot().status).toBe("signed-in");
  });

  it("does not keep a fresh vault from reading its store [F55]", async () => {
    const { api, clock, store } = await signedIn();
    await clock.advance(MINUTE);
    const other = bench({ api, clock, store, online, refreshAhead: true });
    expect(await within(clock, MINUTE, outcome(other.vault.getToken()))).toBe("access-1-secret");
    other.vault.subscribe(() => {});
    await settle();
    expect(other.vault.snapshot().status).toBe("signed-in");
  });
});

describe("the status of an earlier answer", () => {
  it("is not told with an error that has none: a 503, an hour, then offline [F56]", async () => {
    let isOnline = true;
    const made = await signedIn({ provider: acme({ safe503: true }), online: () => isOnline });
    const { vault, api, clock } = made;
    await clock.advance(2_850 * SECOND);
    api.refresh = () => reply(503, {});
    await vault.fetch(VMS);
    await settle();
    expect(made.events.find(({ type }) => type === "trouble")).toMatchObject({ status: 503 });
    await clock.advance(HOUR);
    isOnline = false;
    api.refresh = () => {
      throw new TypeError("fetch failed");
    };
    const error = await errorOf(within(clock, MINUTE, vault.fetch(VMS)));
    expect(error).toMatchObject({ code: "refresh_failed" });
    expect(error.status).toBeUndefined();
  });

  it("is not told with events of another matter [F56]", async () => {
    const made = await signedIn();
    const { vault, api, clock, events } = made;
    await clock.advance(2_850 * SECOND);
    api.refresh = () => reply(503, {});
    await vault.fetch(VMS);
    await settle();
    events.length = 0;
    await clock.advance(MINUTE);
    await vault.signOut();
    await vault.adopt({ accessToken: "access-9-secret" });
    await settle();
    expect(events.map(({ type }) => type)).toEqual(["signed-out", "signed-in"]);
    for (const { status } of events) expect(status).toBeUndefined();
  });

  it("is not told with the store's trouble [F56]", async () => {
    const clock = manualClock();
    const store = oddStore(clock);
    const { vault, api, events } = await signedIn({ clock, store });
    await clock.advance(2_850 * SECOND);
    api.refresh = () => reply(503, {});
    await vault.fetch(VMS);
    await settle();
    events.length = 0;
    store.isDown = true;
    await clock.advance(2 * HOUR);
    await within(clock, MINUTE, outcome(vault.fetch(VMS)));
    await settle();
    expect(events.map(({ type }) => type)).toContain("store-trouble");
    for (const { type, status } of events)
      if (type === "store-trouble") expect(status).toBeUndefined();
  });

  it("is not told with a failed sign-in that got no reply, nor with its later refresh [F56 F76]", async () => {
    const { vault, api, clock } = await signedIn();
    const { login } = api;
    api.login = () => reply(503, {});
    const first = await errorOf(vault.signIn({ email: "b", password: "b" }));
    expect(first).toMatchObject({ code: "sign_in_failed", status: 503 });
    api.login = () => {
      throw new TypeError("fetch failed");
    };
    const second = await errorOf(vault.signIn({ email: "b", password: "b" }));
    expect(second).toMatchObject({ code: "sign_in_failed" });
    expect(second.status).toBeUndefined();
    api.login = () => reply(401, {});
    await errorOf(vault.signIn({ email: "b", password: "b" }));
    api.login = login;
    await clock.advance(2 * HOUR);
    api.refresh = () => {
      throw new TypeError("fetch failed");
    };
    const error = await errorOf(within(clock, MINUTE, vault.fetch(VMS)));
    expect(error.status).toBeUndefined();
  });

  it("is told with the error of the callers that it failed, and of those alone [F56]", async () => {
    const { vault, api, clock } = await signedIn({
      provider: acme({ safe503: true }),
      patience: 5_000,
    });
    await clock.advance(HOUR);
    api.refresh = () => reply(503, {});
    const error = await errorOf(within(clock, MINUTE, vault.fetch(VMS)));
    expect(error).toMatchObject({ code: "refresh_failed", status: 503 });
  });
});

describe("a store that can be read and not written, such as on a full disk", () => {
  it("is what a waiting caller is told of, in the store's own words, and nothing is spent [P5 P16 F22]", async () => {
    const inner = memoryStore();
    let isFull = false;
    const store: TokenStore = {
      ...inner,
      async write(...write) {
        if (isFull) throw new VaultError("store_unavailable", "Free space");
        return inner.write(...write);
      },
    };
    const { vault, api, clock } = await signedIn({ store });
    isFull = true;
    await clock.advance(HOUR);
    const error = await within(clock, MINUTE, errorOf(vault.fetch(VMS)));
    expect(error).toMatchObject({ code: "store_unavailable", message: "Free space" });
    expect(refreshes({ api })).toBe(0);
    isFull = false;
    expect((await within(clock, MINUTE, vault.fetch(VMS))).status).toBe(200);
    expect(refreshes({ api })).toBe(1);
  });

  it("and is not told of once a write was taken [F56]", async () => {
    const inner = memoryStore();
    let refusals = 1;
    const store: TokenStore = {
      ...inner,
      async write(...write) {
        if (refusals < 1) {
          refusals += 1;
          throw new VaultError("store_unavailable", "Free space");
        }
        return inner.write(...write);
      },
    };
    const { vault, api, clock } = await signedIn({ store });
    refusals = 0;
    await clock.advance(HOUR);
    api.refresh = () => reply(503, {});
    const error = await within(clock, MINUTE, errorOf(vault.fetch(VMS)));
    expect(error).toMatchObject({ code: "refresh_failed", status: 503 });
  });
});
