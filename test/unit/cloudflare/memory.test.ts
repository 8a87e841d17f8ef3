/** What an isolate remembers: bounded, and never a step back. */
import { describe, expect, it } from "vitest";
import { createMemory } from "../../../src/cloudflare/memory.ts";
import type { TokenReply } from "../../../src/cloudflare/wire.ts";

const lease = (sessionId: string, generation: number, revision: number): TokenReply => ({
  revision,
  lease: { accessToken: `${sessionId}-${generation}`, sessionId, generation, until: 1e6 },
});

describe("an isolate's memory", () => {
  it("holds so many accounts and no more, and keeps those in use", () => {
    const memory = createMemory(1_000);
    let stays = true;
    for (let account = 0; account < 100_000; account++) {
      memory.take(`account-${account}`, lease("s", 1, 1), 0);
      stays &&= !!memory.get("account-0");
    }
    expect(stays).toBe(true);
    let kept = 0;
    for (let account = 1; account < 100_000; account++)
      if (memory.get(`account-${account}`)) kept++;
    expect(kept).toBe(999);
  });

  it("forgets the least recently used one: a look, a token and KV's word are uses", () => {
    const memory = createMemory(4);
    for (const account of ["a", "b", "c", "d"]) memory.take(account, lease("s", 1, 1), 0);
    memory.get("a");
    memory.take("b", lease("s", 2, 2), 0);
    memory.adopt("c", lease("s", 2, 2), 0);
    memory.take("e", lease("s", 1, 1), 0);
    expect(memory.get("d")).toBeUndefined();
    memory.take("f", lease("s", 1, 1), 0);
    expect(memory.get("a")).toBeUndefined();
    for (const account of ["b", "c", "e", "f"]) expect(memory.get(account)).toBeDefined();
  });

  it("by default a hundred thousand accounts leave ten thousand at most", () => {
    const memory = createMemory();
    for (let account = 0; account < 100_000; account++)
      memory.take(`${account}`, lease("s", 1, 1), 0);
    expect(memory.get("89999")).toBeUndefined();
    expect(memory.get("90000")).toBeDefined();
  });

  it("KV's older generation is not taken, its newer one is [F33]", () => {
    const memory = createMemory();
    memory.take("a", lease("s", 5, 10), 0);
    expect(memory.adopt("a", lease("s", 4, 8), 1)).toBeUndefined();
    expect(memory.get("a")?.token?.generation).toBe(5);
    expect(memory.adopt("a", lease("s", 6, 12), 1)?.token?.generation).toBe(6);
  });

  it("the same generation from KV is vouched for anew, though the record moved on meanwhile", () => {
    const memory = createMemory();
    memory.take("a", lease("s", 5, 11), 0);
    expect(memory.adopt("a", lease("s", 5, 10), 7)).toMatchObject({ at: 7, revision: 11 });
  });

  it("another session is taken only where its record is newer [P4]", () => {
    const memory = createMemory();
    memory.take("a", lease("new", 1, 10), 0);
    expect(memory.adopt("a", lease("old", 9, 9), 1)).toBeUndefined();
    expect(memory.adopt("a", lease("newer", 1, 11), 1)?.token?.sessionId).toBe("newer");
  });

  it("after the end of a session KV does not bring it back, the object may bring a new one [P4]", () => {
    const memory = createMemory();
    memory.take("a", lease("s", 5, 10), 0);
    memory.take("a", { revision: 11 }, 1);
    expect(memory.get("a")?.token).toBeUndefined();
    expect(memory.adopt("a", lease("s", 5, 10), 2)).toBeUndefined();
    expect(memory.adopt("a", lease("s", 6, 11), 2)).toBeUndefined();
    expect(memory.adopt("a", { revision: 12 }, 2)).toBeUndefined();
    expect(memory.take("a", lease("t", 1, 12), 3).token?.sessionId).toBe("t");
  });

  it("an answer of the object that comes late does not undo a later one [P4]", () => {
    const memory = createMemory();
    memory.take("a", { revision: 11 }, 0);
    memory.take("a", lease("s", 5, 10), 1);
    expect(memory.get("a")?.token).toBeUndefined();
  });

  it("a rejected token is not served again, whoever brings it but the object", () => {
    const memory = createMemory();
    memory.take("a", lease("s", 5, 10), 0);
    memory.reject("a", { sessionId: "s", generation: 4 });
    memory.reject("a", { sessionId: "t", generation: 9 });
    expect(memory.get("a")?.token).toBeDefined();
    memory.reject("a", { sessionId: "s", generation: 5 });
    expect(memory.get("a")?.token).toBeUndefined();
    expect(memory.adopt("a", lease("s", 5, 10), 1)).toBeUndefined();
    expect(memory.take("a", lease("s", 5, 10), 1).token).toBeDefined();
  });

  it("accounts are apart [S11]", () => {
    const memory = createMemory();
    memory.take("a", lease("s", 5, 10), 0);
    expect(memory.get("A")).toBeUndefined();
    expect(memory.get("")).toBeUndefined();
  });

  it("keeps the name of a token that a 401 has ended, and serves it no more", () => {
    const memory = createMemory();
    const lease = { accessToken: "a", sessionId: "s", generation: 1 };
    memory.take("k", { revision: 1, lease }, 0);
    memory.reject("k", lease);
    expect(memory.get("k")).toMatchObject({ token: undefined, last: { sessionId: "s" } });
    memory.take("k", { revision: 2 }, 0);
    expect(memory.get("k")?.last).toBeUndefined();
  });

  it("remembers which endpoints let a token through, so many and no more", () => {
    const memory = createMemory();
    for (let endpoint = 0; endpoint < 10_000; endpoint++) memory.pass(`e${endpoint}`, endpoint);
    expect(memory.passed("e9999")).toBe(9_999);
    expect(memory.passed("e0")).toBeUndefined();
    expect(memory.passed(undefined)).toBeUndefined();
    let kept = 0;
    for (let endpoint = 0; endpoint < 10_000; endpoint++)
      if (memory.passed(`e${endpoint}`) !== undefined) kept += 1;
    expect(kept).toBe(4_096);
  });
  it("tells a first time from later ones, for 256 things and no more [F88]", () => {
    const memory = createMemory();
    const names = Array.from({ length: 300 }, (_, at) => `https://${at}.example`);
    expect(names.filter((name) => memory.isFirst(name))).toEqual(names.slice(0, 256));
    expect(names.some((name) => memory.isFirst(name))).toBe(false);
  });
});
