/** Signs of life: an attempt's own lock, and what a context that is at it says when it is asked. */
import { describe, expect, it } from "vitest";
import { memoryStore } from "../../../src/stores/memory.ts";
import type { Channel, Lock, PeerMessage, Session, TokenStore } from "../../../src/types.ts";
import { type ManualClock, manualClock } from "../../support/clock.ts";
import { acme, fakeApi } from "../../support/fake-api.ts";
import { type Bench, bench, refreshes, signedIn } from "../../support/vault.ts";
import {
  gate,
  HOUR,
  MINUTE,
  outcome,
  rest,
  SECOND,
  signLock,
  slowly,
  within,
} from "./faulty-parts.ts";

function opened(options: Parameters<typeof bench>[0]): Bench {
  const one = bench(options);
  return one;
}

interface Made {
  readonly clock: ManualClock;
  readonly store: TokenStore;
  readonly api: Bench["api"];
}

/** Somebody has signed in an hour ago, in a context that is gone, over a store that locks can span. */
async function anHourAgo(options: Parameters<typeof signedIn>[0] = {}): Promise<Made> {
  const clock = manualClock();
  const store: TokenStore = { ...memoryStore(), scope: async () => "here" };
  const api = fakeApi();
  const { vault } = await signedIn({ ...options, clock, store, api });
  vault.close();
  await clock.advance(HOUR);
  return { clock, store, api };
}

/** An intent of another context, first sent now. */
async function leave(store: TokenStore, now: number, lock: string | undefined): Promise<void> {
  const [key = ""] = await store.list("");
  const record = await store.read(key);
  if (!record) throw new Error("No record is stored");
  const session = record.body as Session;
  const revision = record.revision + 1;
  const intent = {
    attemptId: "theirs",
    attempt: session.attempt + 1,
    firstSentAt: now,
    repeated: false,
    deadline: now + 15 * SECOND,
    lock,
  };
  const body: Session = { ...session, revision, intent };
  await store.write(key, { ...record, revision, attemptId: "theirs", body }, record);
}

describe("an attempt's lock", () => {
  it("is held until the record shows the attempt's end, and no longer [F57 P2]", async () => {
    const { clock, store, api } = await anHourAgo();
    const held = new Set<string>();
    const answer = gate(api.refresh);
    api.refresh = answer.answer;
    const { vault } = opened({ clock, store, api, lock: signLock(held, "context") });
    const token = vault.getToken();
    await rest();
    expect(answer.arrived).toBe(1);
    expect(held.size).toBe(1);
    answer.open();
    await within(clock, SECOND, token);
    await rest();
    expect(held.size).toBe(0);
  });

  it.each([
    ["none", undefined],
    ["one of another scope", "elsewhere"],
  ])("whose name is free tells nothing of an attempt that had %s [F57 P2]", async (_, lock) => {
    const { clock, store, api } = await anHourAgo();
    await leave(store, clock.now(), lock);
    const { vault } = opened({ clock, store, api, lock: signLock(new Set(), "context") });
    void outcome(vault.getToken());
    await clock.advance(14 * SECOND);
    expect(refreshes({ api })).toBe(0);
  });

  it("that is free counts after one more look at the record [F57 P2]", async () => {
    const rotating = { provider: acme({ rotation: "none" }) };
    const { clock, store: inner, api } = await anHourAgo(rotating);
    await leave(inner, clock.now(), "here");
    const log: string[] = [];
    const store: TokenStore = {
      ...inner,
      async read(key) {
        log.push("read");
        return inner.read(key);
      },
      async write(...change) {
        log.push("write");
        return inner.write(...change);
      },
    };
    const free = signLock(new Set(), "context");
    const lock: Lock = {
      ...free,
      async isFree() {
        log.push("free");
        return true;
      },
    };
    const { vault } = opened({ ...rotating, clock, store, api, lock });
    await within(clock, MINUTE, vault.getToken());
    const after = log.slice(log.indexOf("free") + 1);
    expect(after.indexOf("write")).toBeGreaterThan(0);
    expect(after.slice(0, after.indexOf("write"))).toContain("read");
  });

  it("is not waited for where the lock manager never answers [P10 F57]", async () => {
    const { clock, store, api } = await anHourAgo();
    const silent: Lock = {
      spans: "context",
      run: (_, task) => task(),
      hold: () => new Promise(() => {}),
      isFree: () => new Promise(() => {}),
    };
    const { vault } = opened({ clock, store, api, lock: silent });
    expect(await within(clock, 3 * SECOND, outcome(vault.getToken()))).toBe("access-2-secret");
  });
});

/** A channel whose messages take their time. */
function slowChannel(clock: ManualClock, ms: number): Channel {
  const ears = new Set<(message: unknown) => void>();
  return {
    open(_, onMessage) {
      ears.add(onMessage);
      return {
        isConnected: () => true,
        post(message: PeerMessage) {
          const others = [...ears].filter((ear) => ear !== onMessage);
          clock.setTimeout(() => others.forEach((ear) => ear({ ...message })), ms);
        },
        close: () => void ears.delete(onMessage),
      };
    },
  };
}

describe("a context that is at it, and says so", () => {
  it("is not overtaken by one whose wall clock says that its time is over [P2 F60]", async () => {
    const { clock, store, api } = await anHourAgo();
    const channel = slowChannel(clock, 200);
    api.refresh = slowly(clock, 12 * SECOND, api.refresh);
    const one = opened({ clock, store, api, channel });
    const first = outcome(one.vault.getToken());
    await clock.advance(SECOND);
    const ahead = { ...clock, now: () => clock.now() + MINUTE };
    const other = opened({ clock: ahead, store, api, channel });
    const second = outcome(other.vault.getToken());
    expect(await within(clock, 20 * SECOND, first)).toBe("access-2-secret");
    expect(await within(clock, 20 * SECOND, second)).toBe("access-2-secret");
    expect(refreshes({ api })).toBe(1);
  });
});
