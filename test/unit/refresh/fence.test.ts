/** From the intent to the first byte: what holds when a refresh token leaves, and what stops it. */
import { describe, expect, it } from "vitest";
import { memoryStore } from "../../../src/stores/memory.ts";
import type { Provider, Session, StoredRecord, TokenStore } from "../../../src/types.ts";
import { type ManualClock, manualClock } from "../../support/clock.ts";
import { acme, fakeApi, never } from "../../support/fake-api.ts";
import { type Bench, bench, refreshes, signedIn } from "../../support/vault.ts";
import { gate, HOUR, outcome, rest, SECOND, within } from "./faulty-parts.ts";

const theOnly = async (store: TokenStore): Promise<{ key: string; record: StoredRecord }> => {
  const [key = ""] = await store.list("");
  const record = await store.read(key);
  if (!record) throw new Error("No record is stored");
  return { key, record };
};

/** Another context writes its intent, first sent now: from here on the record is its own. */
async function overtake(store: TokenStore, now: number): Promise<void> {
  const { key, record } = await theOnly(store);
  const session = record.body as Session;
  const revision = record.revision + 1;
  const intent = {
    attemptId: "theirs",
    attempt: (session.intent ?? session).attempt + 1,
    firstSentAt: now,
    repeated: false,
    deadline: now + 15 * SECOND,
  };
  const body: Session = { ...session, revision, intent };
  await store.write(key, { ...record, revision, attemptId: "theirs", body }, record);
}

/** A store whose answers to `head`, which the fence asks for, come as a test wants. */
const headed = (
  inner: TokenStore,
  head: (ask: () => ReturnType<TokenStore["head"]>) => ReturnType<TokenStore["head"]>,
): TokenStore => ({ ...inner, head: (key) => head(() => inner.head(key)) });

interface Made {
  readonly clock: ManualClock;
  readonly inner: TokenStore;
  readonly api: Bench["api"];
}

/** Somebody has signed in an hour ago, in a context that is gone. */
async function anHourAgo(provider: Provider<never> = acme() as Provider<never>): Promise<Made> {
  const clock = manualClock();
  const inner = memoryStore();
  const api = fakeApi();
  const { vault } = await signedIn({ clock, store: inner, api, provider: provider as never });
  vault.close();
  await clock.advance(HOUR);
  return { clock, inner, api };
}

function opened(options: Parameters<typeof bench>[0]): Bench {
  const one = bench(options);
  return one;
}

describe("an intent", () => {
  it("is stored before the first byte leaves [P5]", async () => {
    const { clock, inner, api } = await anHourAgo();
    const { refresh } = api;
    const stored: (string | undefined)[] = [];
    api.refresh = async (...call) => {
      stored.push((await theOnly(inner)).record.attemptId);
      return refresh(...call);
    };
    const { vault } = opened({ clock, store: inner, api });
    await within(clock, 20 * SECOND, vault.getToken());
    expect(stored).toEqual([expect.any(String)]);
    expect((await theOnly(inner)).record.attemptId).toBeUndefined();
  });
});

describe("the fence", () => {
  it("holds for a context that was overtaken while its mechanism signed something [P8]", async () => {
    const { clock, inner, api } = await anHourAgo();
    const signing = gate(() => new Response());
    const plain = acme();
    const provider: Provider<never> = {
      ...(plain as Provider<never>),
      async renew(...args) {
        await signing.answer({} as never, 0);
        return plain.renew!(...args);
      },
    };
    const { vault } = opened({ clock, store: inner, api, provider: provider as never });
    void outcome(vault.getToken());
    await rest();
    expect(signing.arrived).toBe(1);
    await overtake(inner, clock.now());
    signing.open();
    await rest();
    expect(refreshes({ api })).toBe(0);
  });

  it("is asked for again by a context that slept while the store answered its fence [P8 F7]", async () => {
    const { clock, inner, api } = await anHourAgo();
    let slept = 0;
    const sleepy = { ...clock, running: () => clock.running() + slept };
    let asked = 0;
    const store = headed(inner, async (ask) => {
      const answer = await ask();
      asked += 1;
      if (asked === 1) {
        // Asleep for five seconds: another context goes on meanwhile.
        slept += 5 * SECOND;
        await overtake(inner, clock.now());
      }
      return answer;
    });
    const { vault } = opened({ clock: sleepy as never, store, api });
    void outcome(vault.getToken());
    await rest();
    expect(asked).toBeGreaterThan(1);
    expect(refreshes({ api })).toBe(0);
  });

  it("stops an attempt whose vault was closed while it was asked for [P21 F44]", async () => {
    const { clock, inner, api } = await anHourAgo();
    let answers = (): void => {};
    const store = headed(inner, async (ask) => {
      await new Promise<void>((resolve) => (answers = resolve));
      return ask();
    });
    const { vault } = opened({ clock, store, api });
    void outcome(vault.getToken());
    await rest();
    vault.close();
    answers();
    await rest();
    expect(refreshes({ api })).toBe(0);
  });

  it("stops a repetition whose window closes while the fence is asked for [P2 P8]", async () => {
    const provider = acme({ reuseWindow: 20 * SECOND }) as Provider<never>;
    const { clock, inner, api } = await anHourAgo(provider);
    await overtake(inner, clock.now());
    // Half of the window is over in a second and a half; the store takes three.
    await clock.advance(8.5 * SECOND);
    const store = headed(inner, async (ask) => {
      await new Promise<void>((resolve) => clock.setTimeout(resolve, 3 * SECOND));
      return ask();
    });
    const { vault } = opened({ clock, store, api, provider: provider as never });
    void outcome(vault.getToken());
    await rest();
    // It has written its own intent, to repeat what was sent.
    expect((await theOnly(inner)).record.attemptId).not.toBe("theirs");
    await clock.advance(4 * SECOND);
    expect(refreshes({ api })).toBe(0);
  });
});

describe("the fence of a store that lags", () => {
  it("takes what was there before its own intent for no reason to stop [F33 F58]", async () => {
    const provider = acme({ rotation: "none" }) as Provider<never>;
    const { clock, inner, api } = await anHourAgo(provider);
    const { record } = await theOnly(inner);
    const { body: _, ...before } = record;
    const store = { ...headed(inner, async () => before), atomic: false };
    const { vault } = opened({ clock, store, api, provider: provider as never });
    expect(await within(clock, 5 * SECOND, outcome(vault.getToken()))).toBe("access-2-secret");
  });
});

describe("an exchange", () => {
  it("whose intent took the store some seconds gets what is left of fifteen [P10 F44]", async () => {
    const { clock, inner, api } = await anHourAgo();
    let begunAt: number | undefined;
    const store: TokenStore = {
      ...inner,
      async write(key, next, expected) {
        if (next?.attemptId !== undefined) begunAt ??= clock.running();
        await new Promise<void>((resolve) => clock.setTimeout(resolve, 4 * SECOND));
        return inner.write(key, next, expected);
      },
    };
    let endedAt: number | undefined;
    api.refresh = (call) => never(call).finally(() => (endedAt ??= clock.running()));
    const { vault } = opened({ clock, store, api });
    void outcome(vault.getToken());
    await clock.advance(30 * SECOND);
    expect((endedAt ?? Infinity) - (begunAt ?? 0)).toBeLessThanOrEqual(15 * SECOND);
  });
});
