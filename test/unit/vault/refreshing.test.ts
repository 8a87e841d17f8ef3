/** The refresh protocol where one caller sees it; every interleaving of many is the model's. */
import { describe, expect, it } from "vitest";
import { memoryStore } from "../../../src/stores/memory.ts";
import type { TokenStore } from "../../../src/types.ts";
import { settle } from "../../support/clock.ts";
import { acme, credentials, holdRefreshes, never, reply } from "../../support/fake-api.ts";
import { bench, refreshes, rejection, signedIn, VMS } from "../../support/vault.ts";

const waitUntil = (): void => {};

describe("the soft time", () => {
  it("a good token is served at once after a long rest, though the refresh takes its time [F36]", async () => {
    const { vault, api, clock } = await signedIn();
    await clock.advance(2_800_000);
    api.refresh = never;
    expect((await vault.fetch(VMS, { waitUntil })).status).toBe(200);
    await settle();
    expect(refreshes({ api })).toBe(1);
  });
});

describe("a token past its end", () => {
  it.each([0, 3_600_000])(
    "is never sent, %i ms past it: who comes waits for the next one [P15]",
    async (past) => {
      const { vault, api, clock } = await signedIn();
      const letGo = holdRefreshes(api);
      await clock.advance(3_600_000 + past);
      const calls = [vault.fetch(VMS), vault.fetch(VMS)];
      await settle();
      // While the refresh is under way.
      calls.push(vault.fetch(VMS));
      await settle();
      expect(refreshes({ api })).toBe(1);
      expect(api.to("/v1/vms")).toHaveLength(0);
      letGo();
      for (const call of calls) expect((await call).status).toBe(200);
      const sent = api.to("/v1/vms").map(({ headers }) => headers.get("authorization"));
      expect(sent).toEqual(calls.map(() => "Bearer access-2-secret"));
    },
  );
});

describe("trouble", () => {
  it("Retry-After is kept to, by a second context of the store too [F14]", async () => {
    const { vault, api, clock, store } = await signedIn();
    await clock.advance(2_800_000);
    api.refresh = () => reply(429, {}, { "retry-after": "90" });
    await vault.fetch(VMS, { waitUntil });
    await settle();
    const other = bench({ api, clock, store });
    await clock.advance(89_000);
    await vault.fetch(VMS, { waitUntil });
    await other.vault.fetch(VMS, { waitUntil });
    await settle();
    expect(refreshes({ api })).toBe(1);
    await clock.advance(11_000);
    await other.vault.fetch(VMS, { waitUntil });
    await settle();
    expect(refreshes({ api })).toBe(2);
  });

  it("a Retry-After of years is capped [F14]", async () => {
    const { vault, api, clock } = await signedIn();
    await clock.advance(2_800_000);
    api.refresh = () => reply(429, {}, { "retry-after": "1000000000" });
    await vault.fetch(VMS, { waitUntil });
    await clock.advance(310_000);
    await vault.fetch(VMS, { waitUntil });
    await settle();
    expect(refreshes({ api })).toBe(2);
  });

  it("the pauses between tries grow, and are jittered [F14]", async () => {
    const pauses = async (random: number): Promise<number[]> => {
      const { vault, api, clock } = await signedIn({
        random: () => random,
        patience: 200_000,
        provider: acme({ rotation: "none" }),
      });
      const times: number[] = [];
      api.refresh = () => {
        times.push(clock.running());
        return reply(503, {});
      };
      await clock.advance(3_600_000);
      await rejection(clock.until(vault.fetch(VMS)));
      return times.slice(1).map((time, index) => time - times[index]!);
    };
    const [most, half] = [await pauses(0.999), await pauses(0.5)];
    expect(most.length).toBeGreaterThan(4);
    for (const [index, pause] of most.slice(1, 5).entries())
      expect(pause).toBeGreaterThan(most[index]!);
    // Polls are half a second apart, so that short pauses say little.
    expect(most[4]).toBeGreaterThan(half[4]! * 1.5);
    expect(Math.max(...most)).toBeLessThanOrEqual(61_000);
  });

  it("no network error, and no number of them, signs out [F13 P17]", async () => {
    const { vault, api, clock } = await signedIn();
    api.refresh = () => {
      throw new TypeError("fetch failed");
    };
    api.expire();
    for (let tries = 0; tries < 5; tries++)
      await clock.until(vault.fetch(VMS)).then(
        ({ status }) => expect(status).toBe(401),
        (error: unknown) => expect(error).toMatchObject({ code: "refresh_failed" }),
      );
    expect(vault.snapshot().status).toBe("signed-in");
    // The longest back-off is a minute.
    await clock.advance(61_000);
    api.refresh = () => reply(200, { access_token: "access-9-secret", expires_in: 3600 });
    expect((await clock.until(vault.fetch(VMS))).status).toBe(200);
  });

  it("a caller waits through a short trouble, and is answered [P10]", async () => {
    const { vault, api, clock } = await signedIn({ provider: acme({ safe503: true }) });
    api.expire();
    let tries = 0;
    api.refresh = () =>
      (tries += 1) < 3
        ? reply(503, {})
        : reply(200, { access_token: "access-5-secret", expires_in: 60, refresh_token: "r" });
    expect((await clock.until(vault.fetch(VMS))).status).toBe(200);
    expect(tries).toBe(3);
  });

  it("waking up renews what came due in sleep [F12]", async () => {
    let wake = (): void => {};
    const { vault, api, clock } = await signedIn({
      onWake(listener) {
        wake = listener;
        return () => {};
      },
    });
    clock.jump(2_900_000);
    wake();
    await settle();
    expect(refreshes({ api })).toBe(1);
    expect(await vault.getToken()).toBe("access-2-secret");
  });
});

describe("a refusal", () => {
  it("the access token serves on to its end, and only then a sign-in is asked for [F36 P9]", async () => {
    const { vault, api, clock, types } = await signedIn();
    api.refresh = () => reply(401, {});
    await clock.advance(2_800_000);
    for (let times = 0; times < 3; times++) {
      expect((await vault.fetch(VMS, { waitUntil })).status).toBe(200);
      await clock.advance(61_000);
    }
    expect(refreshes({ api })).toBe(1);
    expect(types().filter((type) => type === "refused")).toHaveLength(1);
    expect(vault.snapshot().status).toBe("signed-in");
    await clock.advance(800_000);
    expect(await rejection(vault.fetch(VMS))).toMatchObject({ code: "sign_in_required" });
    expect(vault.snapshot().status).toBe("sign-in-required");
    expect(refreshes({ api })).toBe(1);
  });

  it("its first 401 is its end as well [F36]", async () => {
    const { vault, api, clock } = await signedIn();
    api.refresh = () => reply(401, {});
    await clock.advance(2_800_000);
    await vault.fetch(VMS, { waitUntil });
    await settle();
    api.expire();
    const answer = await vault.fetch(VMS).then(
      ({ status }) => status,
      (error: { code: string }) => error.code,
    );
    expect(["sign_in_required", 401]).toContain(answer);
    expect(await rejection(vault.getToken({ rejected: "access-1-secret" }))).toMatchObject({
      code: "sign_in_required",
    });
    expect(refreshes({ api })).toBe(1);
  });

  it("a new sign-in starts afresh", async () => {
    const { vault, api } = await signedIn();
    api.refresh = () => reply(401, {});
    api.expire();
    expect(await rejection(vault.fetch(VMS))).toMatchObject({ code: "sign_in_required" });
    await vault.signIn({ email: "a", password: "b" });
    expect((await vault.fetch(VMS)).status).toBe(200);
    expect(vault.snapshot()).toMatchObject({ status: "signed-in", generation: 1 });
  });

  it("a token without a refresh token serves to its end", async () => {
    const { vault, api, clock } = bench();
    api.api = () => new Response();
    await vault.adopt({ accessToken: "lonely", expiresAt: clock.now() + 60_000 });
    await clock.advance(59_999);
    expect(await vault.getToken()).toBe("lonely");
    await clock.advance(1);
    expect(await rejection(vault.getToken())).toMatchObject({ code: "sign_in_required" });
    expect(api.calls).toEqual([]);
  });
});

describe("a session in memory alone that gives way to an earlier one", () => {
  it("each session's refusal is told once, also when it is met again [P9]", async () => {
    const kept = memoryStore();
    let isDown = false;
    const unless =
      <Args extends unknown[], Answer>(ask: (...args: Args) => Promise<Answer>) =>
      async (...args: Args): Promise<Answer> => {
        if (isDown) throw new Error("down");
        return ask(...args);
      };
    const store: TokenStore = {
      ...kept,
      head: unless(kept.head),
      read: unless(kept.read),
      write: unless(kept.write),
    };
    const { vault, api, clock } = await signedIn({ store });
    const told: unknown[] = [];
    vault.events(({ type, sessionId }) => type === "refused" && told.push(sessionId));
    const ended = async (): Promise<void> => {
      await clock.advance(3_600_000);
      await rejection(clock.until(vault.fetch(VMS)));
      await settle();
    };
    api.refresh = () => reply(401, {});
    await ended();
    isDown = true;
    await vault.signIn(credentials);
    await ended();
    expect(new Set(told).size).toBe(2);
    isDown = false;
    await ended();
    expect(vault.snapshot()).toMatchObject({ status: "sign-in-required", persisted: true });
    expect(told).toHaveLength(2);
  });
});

describe("an intent that another context left behind", () => {
  it("ends by this context's running time, whatever a wrong clock wrote as its deadline [P10 F16]", async () => {
    const { vault, api, clock, store } = await signedIn();
    const [key] = await store.list("");
    const record = (await store.read(key!))!;
    const intent = { attemptId: "lost", attempt: 1, firstSentAt: 0, deadline: Date.UTC(2100) };
    const left = {
      ...record,
      revision: record.revision + 1,
      attemptId: "lost",
      body: { ...(record.body as object), revision: record.revision + 1, intent },
    };
    expect(await store.write(key!, left, record)).toBe(true);
    await clock.advance(3_600_000);
    const from = clock.running();
    expect((await clock.until(vault.fetch(VMS))).status).toBe(200);
    expect(refreshes({ api })).toBe(1);
    // The exchange's 15 s and a margin of 2; a caller's patience is 20.
    expect(clock.running() - from).toBeGreaterThan(17_000);
    expect(clock.running() - from).toBeLessThan(20_000);
  });
});

describe("a sign-in that the store took though it said no, and then lost", () => {
  it("is written again above what others have seen of it, so that they go on [P17 F28]", async () => {
    const kept = memoryStore();
    let says = true;
    const store: TokenStore = {
      ...kept,
      async write(...change) {
        const done = await kept.write(...change);
        if (!says) throw new Error("it was written all the same");
        return done;
      },
    };
    const { vault, api, clock } = await signedIn({ store });
    says = false;
    await vault.signIn(credentials);
    expect(vault.snapshot().persisted).toBe(false);
    const other = bench({ api, clock, store: kept });
    expect(await other.vault.getToken()).toBe(await vault.getToken());
    const [key] = await kept.list("");
    const seen = (await kept.head(key!))!;
    await kept.write(key!, undefined, seen);
    says = true;
    await clock.advance(10_000);
    expect(vault.snapshot().persisted).toBe(true);
    expect((await kept.head(key!))!.revision).toBeGreaterThan(seen.revision);

    api.expire();
    expect((await clock.until(other.vault.fetch(VMS))).status).toBe(200);
    expect(refreshes({ api })).toBe(1);
  });
});

describe("a store that has lost a record, so that an older one stands in its place", () => {
  async function withOlder(revisions: number, options: Parameters<typeof signedIn>[0] = {}) {
    const made = await signedIn(options);
    const { vault, api, clock, store } = made;
    const [key] = await store.list("");
    const older = (await store.read(key!))!;
    api.expire();
    expect((await vault.fetch(VMS)).status).toBe(200);
    const lost = (await store.head(key!))!;
    const revision = lost.revision + revisions;
    const body = { ...(older.body as object), revision };
    await store.write(key!, { ...older, revision, body }, lost);
    await clock.advance(70_000);
    return { ...made, key: key!, lost };
  }

  it.each([-1, 0, 1])(
    "the newer generation is kept, written again, and goes on (its revision: %i) [P3 F33]",
    async (revisions) => {
      const { vault, api, clock, store, key, lost } = await withOlder(revisions);
      expect(await clock.until(vault.getToken())).toBe("access-2-secret");
      await settle();
      const record = (await store.read(key))!;
      expect(record).toMatchObject({ body: { generation: 2, revision: record.revision } });
      expect(record.revision).toBeGreaterThan(lost.revision);
      expect(vault.snapshot().persisted).toBe(true);
      api.expire();
      expect((await clock.until(vault.fetch(VMS))).status).toBe(200);
      expect(refreshes({ api })).toBe(2);
    },
  );

  it("of a store that may lag: it is kept too, and nothing is written [F33]", async () => {
    const kept = memoryStore();
    const { vault, clock, key } = await withOlder(-1, {
      store: { ...kept, atomic: false },
      provider: acme({ rotation: "none" }),
    });
    const stored = await kept.read(key);
    expect(await clock.until(vault.getToken())).toBe("access-2-secret");
    await settle();
    expect(vault.snapshot()).toMatchObject({ generation: 2, persisted: true });
    expect(await kept.read(key)).toBe(stored);
  });

  it("an intent is not forgotten, though the record tells of none [P2]", async () => {
    const { vault, api, clock, store } = await signedIn();
    const [key] = await store.list("");
    const older = (await store.read(key!))!;
    await clock.advance(2_800_000);
    api.refresh = () => Promise.reject(new TypeError("the reply was lost"));
    await vault.fetch(VMS, { waitUntil });
    await settle();
    const lost = (await store.head(key!))!;
    await store.write(key!, older, lost);
    await clock.advance(70_000);
    await vault.fetch(VMS, { waitUntil });
    await settle();
    expect(refreshes({ api })).toBe(1);
    expect((await store.read(key!))!.body).toMatchObject({ intent: { ended: true } });
  });
});

describe("a store that never takes a write", () => {
  it("is not asked without a pause, and the caller hears of it in time [P10]", async () => {
    const kept = memoryStore();
    let reads = 0;
    let takes = true;
    const store: TokenStore = {
      ...kept,
      async read(key) {
        if (++reads > 5_000) return new Promise(() => {});
        return kept.read(key);
      },
      write: async (...change) => takes && kept.write(...change),
    };
    const { vault, clock } = await signedIn({ store });
    await clock.advance(3_600_000);
    takes = false;
    const from = clock.running();
    expect(await rejection(clock.until(vault.fetch(VMS)))).toMatchObject({
      code: "refresh_failed",
    });
    expect(clock.running() - from).toBe(20_000);
    expect(reads).toBeLessThan(1_000);
  });
});

describe("getToken()", () => {
  it("a thousand callers share one refresh [P1]", async () => {
    const { vault, api, clock } = await signedIn();
    await clock.advance(3_600_000);
    const tokens = await Promise.all(Array.from({ length: 1_000 }, () => vault.getToken()));
    expect(new Set(tokens)).toEqual(new Set(["access-2-secret"]));
    expect(refreshes({ api })).toBe(1);
  });

  it("a rejected token that is an older one is answered without a refresh [P12]", async () => {
    const { vault, api } = await signedIn();
    expect(await vault.getToken({ rejected: "access-1-secret" })).toBe("access-2-secret");
    expect(await vault.getToken({ rejected: "access-1-secret" })).toBe("access-2-secret");
    expect(await vault.getToken({ rejected: "of another vault" })).toBe("access-2-secret");
    expect(refreshes({ api })).toBe(1);
  });

  it("a warm call reads no storage and takes no lock", async () => {
    let locks = 0;
    const lock = {
      run<T>(_: string, task: () => Promise<T>): Promise<T> {
        locks += 1;
        return task();
      },
    };
    const { vault, store } = await signedIn({ lock });
    let reads = 0;
    for (const name of ["read", "head", "write", "list"] as const)
      Object.assign(store, { [name]: () => Promise.reject(new Error(String((reads += 1)))) });
    locks = 0;
    for (let times = 0; times < 10; times++) expect((await vault.fetch(VMS)).ok).toBe(true);
    expect([reads, locks]).toEqual([0, 0]);
  });
});
