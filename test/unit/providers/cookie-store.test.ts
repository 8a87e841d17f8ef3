/** What a store that is silent, slow or late means for a cookie's session, and how much of it is reached. */
import { describe, expect, it } from "vitest";
import type { Exchange, Provider, TokenStore } from "../../../src/types.ts";
import {
  acme,
  alice,
  bob,
  type CookieVault,
  ME,
  ORIGIN,
  refusal,
  stage,
  userOf,
} from "./one-jar.ts";

const never = <T>(): Promise<T> => new Promise<T>(() => {});

describe("a store that is silent when it is written", () => {
  it("is told to each of many callers of a first look, in one answer's time [P10 P16]", async () => {
    const { open, clock, store, signInOutside } = stage();
    await signInOutside("bob");
    const { vault } = open({ store: { ...store, write: never } });
    const since = clock.running();
    const told = await clock.until(
      Promise.all(Array.from({ length: 10 }, () => refusal(vault.fetch(ME)))),
    );
    expect(new Set(told.map((one) => (one as { code: string }).code))).toEqual(
      new Set(["store_unavailable"]),
    );
    expect(clock.running() - since).toBe(5_000);
    expect(vault.snapshot().status).toBe("unavailable");
    // A caller that comes later hears it at once, and a later one of the store that is back is served.
    expect(await refusal(vault.fetch(ME))).toMatchObject({ code: "store_unavailable" });
  });

  const ways: Record<string, (vault: CookieVault) => Promise<unknown>> = {
    "sign in": (vault) => vault.signIn(alice),
    "look by signIn()": (vault) => vault.signIn(),
    "want a token": (vault) => vault.getToken(),
  };
  it.each(Object.keys(ways))("is told to each of many who %s [P10 P16]", async (way) => {
    const { open, clock, store } = stage();
    const { vault } = open({ store: { ...store, write: never } });
    const asked = [1, 2, 3].map(() => refusal(ways[way]?.(vault) ?? never()));
    for (const one of await clock.until(Promise.all(asked)))
      expect(one).toMatchObject({ code: "store_unavailable" });
  });

  it("is served again when it answers again [P16]", async () => {
    const { open, clock, store, signInOutside } = stage();
    await signInOutside("bob");
    let isSilent = true;
    const write: TokenStore["write"] = (...given) => (isSilent ? never() : store.write(...given));
    const tab = open({ store: { ...store, write } });
    await refusal(clock.until(tab.vault.fetch(ME)));
    isSilent = false;
    await clock.advance(2_000);
    expect(await clock.until(userOf(tab))).toBe("bob");
  });
});

/** A store whose writes of the jar's record arrive when they are let go. */
function lateJar(store: TokenStore) {
  const held: (() => Promise<void>)[] = [];
  const late = { isLate: true };
  const write: TokenStore["write"] = (key, next, expected) => {
    if (!late.isLate || !key.startsWith("jar|")) return store.write(key, next, expected);
    return new Promise((resolve) => {
      held.push(async () => resolve(await store.write(key, next, expected)));
    });
  };
  return {
    store: { ...store, write },
    late,
    async arrive() {
      for (const one of held.splice(0)) await one();
    },
  };
}

const JAR = `jar|${encodeURIComponent(`${ORIGIN}/auth/refresh`)}`;

const noteOf = async (store: TokenStore): Promise<Record<string, unknown>> => ({
  ...((await store.read(JAR))?.body as object),
});

describe("a write of the jar's record that was not answered", () => {
  it("changes nothing where another visit has come, whenever it arrives [P3 F103]", async () => {
    const { open, clock, store } = stage();
    const slow = lateJar(store);
    const tab = open({ store: slow.store });
    expect(await refusal(clock.until(tab.vault.signIn(alice)))).toMatchObject({
      code: "store_unavailable",
    });
    const other = open();
    await other.vault.signIn(bob);
    const before = await store.read(JAR);
    await slow.arrive();
    expect(await store.read(JAR)).toEqual(before);
    expect(await userOf(other)).toBe("bob");
  });

  it("that arrives first keeps nobody waiting longer than its visit, and says nothing that was not sent [P10]", async () => {
    const { open, api, clock, store } = stage();
    const slow = lateJar(store);
    const tab = open({ store: slow.store });
    await refusal(clock.until(tab.vault.signIn(alice)));
    await slow.arrive();
    const { owner, liveSince } = await noteOf(store);
    expect([owner, liveSince]).toEqual([undefined, undefined]);
    slow.late.isLate = false;
    const since = clock.running();
    const other = open();
    await clock.until(other.vault.signIn(bob));
    expect(clock.running() - since).toBeLessThanOrEqual(17_500);
    expect(api.to("login")).toHaveLength(1);
  });

  it("of a login that was never sent leaves the note as it was [P4 S14]", async () => {
    const { open, api, clock, store } = stage();
    await open().vault.signIn(alice);
    const before = await noteOf(store);
    await clock.advance(1_000);
    // The way to the jar is open; what is written before the login is silent.
    let writes = 0;
    const write: TokenStore["write"] = (key, next, expected) => {
      if (!key.startsWith("jar|")) return store.write(key, next, expected);
      writes += 1;
      return writes === 2 ? never() : store.write(key, next, expected);
    };
    const tab = open({ store: { ...store, write } });
    expect(await refusal(clock.until(tab.vault.signIn(bob)))).toMatchObject({
      code: "store_unavailable",
    });
    expect(api.to("login")).toHaveLength(1);
    const { owner, liveSince, isOwed } = await noteOf(store);
    expect([owner, liveSince]).toEqual([before["owner"], before["liveSince"]]);
    expect(isOwed).toBeFalsy();
  });
});

describe("a store that takes seconds for each write", () => {
  it("is waited for, and nobody is at the jar for ever [P10]", async () => {
    const { open, api, clock, store } = stage();
    const write: TokenStore["write"] = async (key, next, expected) => {
      await new Promise<void>((resolve) => clock.setTimeout(resolve, 2_000));
      return store.write(key, next, expected);
    };
    const { vault } = open({ store: { ...store, write } });
    await clock.until(vault.signIn(alice));
    expect(api.to("login")).toHaveLength(1);
  });
});

/** A store that, while it is deaf, takes no write of the jar's record, and says so. */
function deafJar(store: TokenStore) {
  const heard = { isDeaf: false, operations: 0, refused: 0 };
  async function pass<T>(ask: () => Promise<T>): Promise<T> {
    heard.operations += 1;
    // A loop without a pause would starve the test.
    return heard.operations > 5_000 ? never() : ask();
  }
  const deaf: TokenStore = {
    ...store,
    read: (key) => pass(() => store.read(key)),
    head: (key) => pass(() => store.head(key)),
    list: (prefix) => pass(() => store.list(prefix)),
    write: (key, next, expected) =>
      pass(async () => {
        if (!heard.isDeaf || !key.startsWith("jar|")) return store.write(key, next, expected);
        heard.refused += 1;
        return false;
      }),
  };
  return { store: deaf, heard };
}

describe("a store that never takes a write of the jar's record, and says so", () => {
  interface Path {
    readonly what: string;
    /** Alice is signed in, and her token is so old. */
    readonly age?: number;
    readonly act: (vault: CookieVault) => Promise<unknown>;
    readonly end: unknown;
    /** Milliseconds, at most. */
    readonly within: number;
  }
  const HOUR = 3_600_000;
  // An exchange that waits for others at the jar may take a minute, and a call has its patience.
  const paths: readonly Path[] = [
    {
      what: "a first sign-in",
      act: (vault) => vault.signIn(alice),
      end: { code: "sign_in_failed" },
      within: 60_000,
    },
    {
      what: "a sign-in",
      age: 1_000,
      act: (vault) => vault.signIn(bob),
      end: { code: "sign_in_failed" },
      within: 60_000,
    },
    {
      what: "signIn() without credentials",
      act: (vault) => vault.signIn(),
      end: { code: "sign_in_failed" },
      within: 60_000,
    },
    {
      what: "a call that looks for a cookie",
      act: (vault) => vault.fetch(ME),
      end: { code: "refresh_failed" },
      within: 20_000,
    },
    {
      what: "a call with an expired token",
      age: HOUR,
      act: (vault) => vault.fetch(ME),
      end: { code: "refresh_failed" },
      within: 20_000,
    },
    { what: "a sign-out", age: 1_000, act: (vault) => vault.signOut(), end: "done", within: 0 },
  ];

  it.each(paths)(
    "is asked with pauses, and $what settles in time and sends nothing [F54 P10]",
    async ({ age, act, end, within }) => {
      const { open, api, clock, store } = stage();
      const { store: deaf, heard } = deafJar(store);
      const tab = open({ store: deaf });
      if (age !== undefined) {
        await clock.until(tab.vault.signIn(alice));
        await clock.advance(age);
      }
      Object.assign(heard, { isDeaf: true, operations: 0 });
      const sent = api.calls.length;
      const since = clock.running();
      const acting = act(tab.vault).then(
        () => "done",
        ({ code }) => ({ code }),
      );
      expect(await clock.until(acting)).toEqual(end);
      expect(clock.running() - since).toBeLessThanOrEqual(within);
      // What goes on after it has an end, too: a minute of looks, ten a second, each of which writes.
      await clock.advance(10 * 60_000);
      expect(heard.refused).toBeGreaterThan(10);
      expect(heard.operations).toBeLessThan(1_300);
      const before = heard.operations;
      await clock.advance(10 * 60_000);
      expect(heard.operations).toBe(before);
      expect(api.calls.slice(sent)).toEqual([]);
      // Once it listens, all is well.
      heard.isDeaf = false;
      await clock.until(tab.vault.signIn(bob));
      expect(await clock.until(userOf(tab))).toBe("bob");
    },
  );
});

describe("what a provider reaches of the store", () => {
  /** What another account's provider would like to know. */
  async function spyOn(task: (exchange: Exchange, front: object) => Promise<void>): Promise<void> {
    const { open, store } = stage();
    await open().vault.signIn(alice);
    let spied: Promise<void> | undefined;
    let front: object = {};
    const cookies = acme();
    const provider: Provider<unknown> = {
      ...cookies,
      wrap(engine, around) {
        front = around;
        return engine;
      },
      async signIn(_, exchange) {
        spied = task(exchange, front);
        await spied.catch(() => {});
        return { type: "refused" };
      },
    };
    const { vault } = open({ provider: provider as never, store, account: "work" });
    await (vault as CookieVault).signIn(bob).catch(() => {});
    expect(spied).toBeDefined();
    await spied;
  }

  it("an exchange reads, writes and lists no account's record, its own neither [S7 S11]", async () => {
    await spyOn(async ({ context }) => {
      const shelf = context?.store as TokenStore;
      const alices = `acme|${encodeURIComponent(ORIGIN)}|default`;
      const own = context?.key ?? "";
      const made = { format: 1, sessionId: "s", revision: 1, body: {} } as const;
      expect(await shelf.head(alices)).toMatchObject({ revision: expect.any(Number) });
      for (const key of [alices, own]) {
        await expect(shelf.read(key)).rejects.toThrow();
        await expect(shelf.write(key, made, undefined)).rejects.toThrow();
      }
      const head = await shelf.head(alices);
      await expect(shelf.write(alices, undefined, head)).rejects.toThrow();
      expect("list" in shelf).toBe(false);
      expect("scope" in shelf).toBe(false);
    });
  });

  it("an exchange has a record of its mechanism's own, and may end its session [S7]", async () => {
    await spyOn(async ({ context }) => {
      const { store: shelf, key } = context as NonNullable<typeof context>;
      const made = { format: 1, sessionId: "s", revision: 1, body: { note: 1 } } as const;
      expect(await shelf.write("mine|record", made, undefined)).toBe(true);
      expect(await shelf.read("mine|record")).toMatchObject({ body: { note: 1 } });
      const end = { format: 1, sessionId: "s", revision: 1, tombstone: true, endedAt: 1 } as const;
      expect(await shelf.write(key, end, undefined)).toBe(true);
    });
  });

  it("a front gets neither store, provider nor fetch [S7]", async () => {
    await spyOn(async (_, front) => {
      expect(Object.keys(front).sort()).toEqual(
        ["clock", "isHeldOpen", "online", "patience", "refreshAhead", "tell"].sort(),
      );
    });
  });
});

describe("a grant that comes in time", () => {
  it("is kept though the store is slow to give the jar back [P20]", async () => {
    const { open, api, clock, store } = stage();
    let isSlow = false;
    const write: TokenStore["write"] = async (key, next, expected) => {
      if (isSlow && key.startsWith("jar|") && next?.attemptId === undefined)
        await new Promise<void>((resolve) => clock.setTimeout(resolve, 4_000));
      return store.write(key, next, expected);
    };
    const tab = open({ store: { ...store, write } });
    await tab.vault.signIn(alice);
    await clock.advance(3_600_000);
    isSlow = true;
    // The reply takes most of the exchange's time.
    api.after = async (kind, reply) => {
      if (kind === "refresh")
        await new Promise<void>((resolve) => clock.setTimeout(resolve, 13_000));
      return reply;
    };
    expect(await clock.until(userOf(tab))).toBe("alice");
    expect(api.to("refresh")).toHaveLength(1);
  });
});
