/** Reading and writing the record: in turn, against what stands there, and with nothing assumed. */
import { describe, expect, it } from "vitest";
import { createKeeper } from "../../../src/refresh/keeper.ts";
import { createMind } from "../../../src/refresh/mind.ts";
import { createWriter } from "../../../src/refresh/writer.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import type { Session, TokenStore } from "../../../src/types.ts";
import { manualClock } from "../../support/clock.ts";
import { bench, refreshes, signedIn } from "../../support/vault.ts";
import { HOUR, outcome, rest, SECOND, within } from "./faulty-parts.ts";

describe("the keeper", () => {
  it("asks for one operation of the store at a time, so that no own write overtakes a read [P3]", async () => {
    const clock = manualClock();
    const inner = memoryStore();
    const log: string[] = [];
    const slowly =
      <Args extends unknown[], Answer>(name: string, ask: (...args: Args) => Promise<Answer>) =>
      async (...args: Args): Promise<Answer> => {
        log.push(`${name} begins`);
        const answer = await ask(...args);
        await new Promise<void>((resolve) => clock.setTimeout(resolve, 50));
        log.push(`${name} ends`);
        return answer;
      };
    const store: TokenStore = {
      ...inner,
      read: slowly("read", inner.read),
      head: slowly("head", inner.head),
      write: slowly("write", inner.write),
    };
    const keeper = createKeeper(store, "key", { clock, isClosed: () => false });
    const record = { format: 1, sessionId: "s", revision: 1 } as const;
    const all = Promise.all([keeper.read(), keeper.write(record, undefined), keeper.head()]);
    const [read, isWritten, { head }] = await within(clock, SECOND, all);
    expect(log).toEqual(
      ["read", "write", "head"].flatMap((name) => [`${name} begins`, `${name} ends`]),
    );
    expect(read.record).toBeUndefined();
    expect(isWritten).toBe(true);
    expect(head?.revision).toBe(1);
  });
});

describe("a change that another context's write has overtaken", () => {
  it("is brought to what stands there, and written once more [P3 F37]", async () => {
    const clock = manualClock();
    const inner = memoryStore();
    const one = await signedIn({ clock, store: inner });
    one.vault.close();
    let isOvertaken = false;
    const store: TokenStore = {
      ...inner,
      async write(key, next, expected) {
        const record = isOvertaken ? undefined : await inner.read(key);
        isOvertaken = true;
        if (record) {
          const revision = record.revision + 1;
          const body: Session = { ...(record.body as Session), revision };
          await inner.write(key, { ...record, revision, body }, record);
        }
        return inner.write(key, next, expected);
      },
    };
    const other = bench({ clock, store, api: one.api });
    await within(clock, 20 * SECOND, other.vault.signOut());
    const [key = ""] = await inner.list("");
    expect((await inner.head(key))?.tombstone).toBe(true);
  });
});

describe("a store that is out of reach", () => {
  it("keeps a session that was loaded from it from being refreshed [P16]", async () => {
    const clock = manualClock();
    const inner = memoryStore();
    const one = await signedIn({ clock, store: inner });
    one.vault.close();
    let isDown = false;
    const store: TokenStore = {
      ...inner,
      async read(key) {
        if (isDown) throw new Error("down");
        return inner.read(key);
      },
    };
    const other = bench({ clock, store, api: one.api });
    await within(clock, SECOND, other.vault.getToken());
    await clock.advance(HOUR);
    isDown = true;
    const asked = outcome(other.vault.getToken());
    expect(await within(clock, 25 * SECOND, asked)).toBe("store_unavailable");
    await rest();
    expect(refreshes(one)).toBe(0);
  });
});

describe("a bug in what writes", () => {
  it("is told to those who wait, and is no trouble of the store's [F53]", async () => {
    const clock = manualClock();
    const store = memoryStore();
    const told: unknown[] = [];
    const mind = createMind({
      setting: { renewal: undefined, store },
      clock,
      maxStaleness: 60 * SECOND,
      refreshAhead: false,
      world: () => ({ isOnline: true, isHeldOpen: true, canAsk: false, isWanted: false }),
      look() {},
      onNews: (type) => void told.push(type),
    });
    const keeper = {
      ...createKeeper(store, "key", { clock, isClosed: () => false }),
      write: async (): Promise<never> => {
        throw new RangeError("a bug");
      },
    };
    const writer = createWriter({
      mind,
      keeper,
      pause: async () => {},
      isOver: () => false,
      release() {},
    });
    mind.learn({
      type: "changed",
      change: {
        type: "end",
        sessionIds: new Set(["s"]),
        at: mind.moment(),
        mayArrive: "s",
        isFailed: false,
      },
    });
    await expect(writer.persist()).rejects.toThrow("a bug");
    expect(told).not.toContain("store-trouble");
    expect(told).not.toContain("unpersisted");
    mind.close();
  });
});
