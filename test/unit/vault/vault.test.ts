/** What a vault tells its listeners, and what closing it ends. Snapshots: `snapshot.test.ts`. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createVault } from "../../../src/index.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { settle } from "../../support/clock.ts";
import { acme, credentials, never } from "../../support/fake-api.ts";
import { bench, type Bench, connected, rejection, signedIn, VMS } from "../../support/vault.ts";

describe("listeners", () => {
  /** As an error in an event listener does, theirs surfaces where the process tells such errors. */
  const uncaught: unknown[] = [];
  let before: NodeJS.UncaughtExceptionListener[] = [];
  beforeEach(() => {
    uncaught.length = 0;
    before = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    process.on("uncaughtException", (error) => uncaught.push(error));
  });
  afterEach(() => {
    process.removeAllListeners("uncaughtException");
    for (const listener of before) process.on("uncaughtException", listener);
  });

  it("one that throws harms nobody: not the vault, not the caller, not the others [F5]", async () => {
    const { vault, api } = bench();
    const error = new Error("a listener's own");
    const seen: string[] = [];
    vault.events(() => {
      throw error;
    });
    vault.events(({ type }) => seen.push(type));
    let calls = 0;
    vault.subscribe(() => {
      if ((calls += 1) > 1) throw error;
    });
    vault.subscribe(({ status }) => seen.push(status));
    await vault.signIn(credentials);
    api.expire();
    expect((await vault.fetch(VMS)).status).toBe(200);
    await vault.signOut();
    await settle();
    expect(seen.filter((type) => /^[rs]/.test(type))).toEqual(
      expect.arrayContaining(["signed-in", "refreshing", "refreshed", "retried", "signed-out"]),
    );
    expect(calls).toBeGreaterThan(2);
    expect(new Set(uncaught)).toEqual(new Set([error]));
  });

  it.each(["events", "subscribe"] as const)(
    "one in %s that calls back into the vault is answered, whatever it calls [F5]",
    async (kind) => {
      const { vault, api } = bench();
      const answers: Promise<unknown>[] = [];
      let left = 20;
      const again = (): void => {
        if ((left -= 1) < 0) return;
        for (const call of [
          () => vault.getToken(),
          () => vault.fetch(VMS),
          () => vault.accounts(),
          () => vault.authorization(),
        ])
          answers.push(call().catch((error: unknown) => error));
        vault.snapshot();
        vault.subscribe(() => {})();
      };
      vault[kind](again);
      await vault.signIn(credentials);
      api.expire();
      expect((await vault.fetch(VMS)).status).toBe(200);
      await settle();
      expect(answers.length).toBeGreaterThan(4);
      const got = await Promise.all(answers);
      expect(got.filter((answer) => answer instanceof Error)).toEqual(
        got.filter((answer) => (answer as { code?: string }).code === "no_session"),
      );
      expect(uncaught).toEqual([]);
    },
  );

  it.each(["signed-in", "refreshing", "refreshed", "retried", "signed-out"])(
    "signing out at the event %s neither hangs nor brings anybody back [F5]",
    async (at) => {
      const { vault, api } = bench();
      const outs: Promise<unknown>[] = [];
      vault.events(({ type }) => type === at && outs.push(vault.signOut()));
      await vault.signIn(credentials);
      api.expire();
      const call = vault.fetch(VMS).catch((error: unknown) => error);
      await call;
      if (at === "signed-out") await vault.signOut();
      await settle();
      expect(outs.length).toBeGreaterThan(0);
      await Promise.all(outs);
      expect(vault.snapshot().status).toBe("signed-out");
      expect(await rejection(vault.getToken())).toMatchObject({ code: "no_session" });
    },
  );

  it("an event names account, session and generation, and is told after the fact [S4]", async () => {
    const { vault, api, events } = bench({ account: "ada" });
    await vault.signIn(credentials);
    api.expire();
    await vault.fetch(VMS);
    await vault.signOut();
    await settle();
    const [first] = events;
    expect(first).toEqual({
      type: "signed-in",
      account: "ada",
      sessionId: expect.stringMatching(/^\w{16,}$/),
      generation: 1,
    });
    expect(new Set(events.map(({ sessionId }) => sessionId))).toEqual(new Set([first?.sessionId]));
    expect(events.map(({ type }) => type)).toEqual([
      "signed-in",
      "refreshing",
      "refreshed",
      "retried",
      "signed-out",
    ]);
  });

  it("events end when told to", async () => {
    const { vault } = bench();
    const seen: string[] = [];
    const stop = vault.events(({ type }) => seen.push(type));
    await vault.signIn(credentials);
    stop();
    await vault.signOut();
    await settle();
    expect(seen).toEqual(["signed-in"]);
  });
});

describe("close()", () => {
  // What a worker keeps, a page does not close; and it starts the worker, which judges its URLs.
  it.skipIf(connected)(
    "lets go of timers and channel, and the session stays in the store",
    async () => {
      let open = 0;
      const channel = {
        open() {
          open += 1;
          return { post() {}, close: () => void (open -= 1) };
        },
      };
      let waking = 0;
      const onWake = () => {
        waking += 1;
        return () => void (waking -= 1);
      };
      const { vault, clock, store } = await signedIn({ refreshAhead: true, channel, onWake });
      // Two timers: the refresh ahead, and the end of what was seen in the store.
      expect([open, waking, clock.pending().length]).toEqual([1, 1, 2]);
      vault.close();
      expect([open, waking, clock.pending().length]).toEqual([0, 0, 0]);
      vault.close();
      expect(await bench({ store, clock }).vault.getToken()).toBe("access-1-secret");
    },
  );

  it("who waits for a token is told", async () => {
    const { vault, api, clock } = await signedIn();
    api.expire();
    api.refresh = never;
    const waiting = rejection(vault.fetch(VMS));
    await settle();
    vault.close();
    expect(await clock.until(waiting)).toMatchObject({ code: "closed" });
  });

  const calls: Readonly<Record<string, (vault: Bench["vault"]) => Promise<unknown>>> = {
    "getToken()": (vault) => vault.getToken(),
    "authorization()": (vault) => vault.authorization(),
    "fetch()": (vault) => vault.fetch(VMS),
    "signIn()": (vault) => vault.signIn(credentials),
    "adopt()": (vault) => vault.adopt({ accessToken: "token" }),
  };
  it.each(Object.keys(calls))("%s rejects from then on, and sends nothing", async (name) => {
    const { vault, api } = await signedIn();
    vault.close();
    expect(await rejection(calls[name]!(vault))).toMatchObject({ code: "closed" });
    expect(api.calls).toHaveLength(1);
  });

  it.skipIf(connected)("calls to other origins go on", async () => {
    const { vault } = await signedIn();
    vault.close();
    expect((await vault.fetch("https://other.test/")).status).toBe(401);
  });

  it("await using closes", async () => {
    const { vault } = await signedIn();
    await vault[Symbol.asyncDispose]();
    expect(await rejection(vault.getToken())).toMatchObject({ code: "closed" });
  });

  it.skipIf(connected)("a vault that is made does nothing yet", async () => {
    let touched = 0;
    const store = new Proxy(memoryStore(), {
      get(target, name) {
        touched += typeof Reflect.get(target, name) === "function" ? 1 : 0;
        return Reflect.get(target, name);
      },
    });
    createVault({ provider: acme(), store, fetch: () => Promise.reject(new Error("touched")) });
    await settle();
    expect(touched).toBe(0);
  });
});

describe("a rejected token", () => {
  it("of another session is answered with none of this one's [F103]", async () => {
    const { vault, clock } = await signedIn();
    const first = await vault.getToken();
    await clock.advance(60_000);
    const second = await clock.until(vault.getToken({ rejected: first }));
    expect(second).not.toBe(first);
    await vault.signIn(credentials);
    for (const rejected of [first, second])
      expect(await rejection(vault.getToken({ rejected }))).toMatchObject({
        code: "session_changed",
      });
  });

  it("of this session, or one that nobody here has given, is answered with the newest [P12]", async () => {
    const { vault, clock, api } = await signedIn();
    const first = await vault.getToken();
    await clock.advance(60_000);
    const second = await clock.until(vault.getToken({ rejected: first }));
    for (const rejected of [first, "given elsewhere"])
      expect(await vault.getToken({ rejected })).toBe(second);
    expect(api.to("/refresh")).toHaveLength(1);
  });
});
