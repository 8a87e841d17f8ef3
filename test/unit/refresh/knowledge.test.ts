/** What a context knows by its looks at the record, and since when. */
import { describe, expect, it } from "vitest";
import { toRecord } from "../../../src/guard/record.ts";
import { ageOfGeneration, type Knowledge, lags } from "../../../src/refresh/knowledge.ts";
import {
  T,
  a,
  b,
  signIn,
  changed,
  written,
  failed,
  served,
  next,
  withIntent,
} from "./session-news.ts";
import {
  at,
  begin,
  end,
  heard,
  HOUR,
  knownOf,
  MINUTE,
  named,
  nothing,
  read,
  SECOND,
  tombstone,
} from "./known-sessions.ts";

describe("a look", () => {
  it("shows the session, and who was met [P16]", () => {
    const known = knownOf(a, T);
    expect(known).toMatchObject({
      session: a,
      isKnown: true,
      reads: 1,
      failures: 0,
      lookedAt: at(T),
    });
    expect([...known.met]).toEqual(["a"]);
  });

  it("shows that nobody is signed in [P16]", () => {
    const known = heard(nothing(), [T, read(undefined, T)]);
    expect(known).toMatchObject({ session: undefined, isKnown: true, reads: 1 });
    expect(nothing()).toMatchObject({ isKnown: false, reads: 0 });
  });

  it("shows a session that was begun elsewhere, or its end [P4]", () => {
    const known = knownOf(a, T);
    expect(served(heard(known, [T, read(b, T)]))).toBe("b");
    expect(served(heard(known, [T, read(tombstone("a", T), T)]))).toBeUndefined();
    expect(served(heard(known, [T, read(undefined, T)]))).toBeUndefined();
  });

  it("never shows again what was ended here [P4 F24]", () => {
    const known = heard(
      knownOf(a, T),
      [T, changed(end(["a"], T))],
      [T, written(tombstone("a", T))],
      [T, read({ ...a, generation: 9, revision: 99 }, T)],
    );
    expect(served(known)).toBeUndefined();
  });

  it("never shows what a write of its own has ended, though it had never met that [P4 F33]", () => {
    const left = heard(nothing(), [T, changed(end([], T))]);
    const known = heard(
      left,
      [T, written(tombstone("a", T), left.changes)],
      [T + HOUR, read({ ...a, generation: 9, revision: 99 }, T + HOUR)],
    );
    expect(served(known)).toBeUndefined();
  });

  it("that failed is a look, says nothing of the session, and is counted in a row [P16]", () => {
    const known = heard(knownOf(a, T), [T + 1, failed], [T + 2, failed]);
    expect(known).toMatchObject({ session: a, failures: 2, reads: 1, lookedAt: at(T + 2) });
    expect(known.trouble).toMatchObject({ message: "The store is down" });
    expect(heard(known, [T + 3, read(a, T + 3)]).failures).toBe(0);
    expect(heard(nothing(), [T, failed])).toMatchObject({ isKnown: false, session: undefined });
  });
});

describe("a store that lags", () => {
  const lagging = { atomic: false, shared: "everywhere" } as const;
  const old = named("a", { generation: 2, revision: 5 });

  it("brings back no earlier generation, ever [F33]", () => {
    const known = knownOf(a, T, lagging);
    const earlier = (when: number) => [when, read({ ...old, generation: 2 }, when)] as const;
    expect(heard(known, earlier(T + MINUTE)).found).toBe(known.found);
    const later = heard(known, earlier(T + 10 * MINUTE));
    expect(later.session).toMatchObject({ sessionId: "a", generation: 3 });
    expect(later.changes.map(({ type }) => type)).toEqual(["restore"]);
  });

  it("brings back no earlier revision of the same generation, for two minutes [F33]", () => {
    const known = knownOf(a, T, lagging);
    const same = { ...old, generation: a.generation };
    expect(heard(known, [T + 119_999, read(same, T + 119_999)]).found).toBe(known.found);
    expect(heard(known, [T + 120_000, read(same, T + 120_000)]).found.head?.revision).toBe(
      old.revision,
    );
  });

  it("brings no absence from before the first write, for two minutes [F58 F33]", () => {
    const known = heard(nothing(lagging), [T, changed(begin(b, T))], [T, written(b, [])]);
    expect(served(heard(known, [T + 119_999, read(undefined, T + 119_999)]))).toBe("b");
    expect(served(heard(known, [T + 120_000, read(undefined, T + 120_000)]))).toBeUndefined();
  });

  it("is believed that the record is gone, two minutes after it was last seen [F58 P4]", () => {
    const known = heard(nothing(lagging), [T, written(b)], [T + 1, read(b, T + 1)]);
    const gone = (when: number): Knowledge => heard(known, [when, read(undefined, when)]);
    expect(served(gone(T + 120_000))).toBe("b");
    expect(served(gone(T + 120_001))).toBeUndefined();
  });

  it("brings back no session that a sign-in here has replaced, for two minutes [F33 F58 P19]", () => {
    const known = heard(knownOf(a, T, lagging), [T, changed(signIn)], [T, written(b, [signIn])]);
    expect(served(heard(known, [T + 119_999, read(a, T + 119_999)]))).toBe("b");
    expect(served(heard(known, [T + 120_000, read(a, T + 120_000)]))).toBe("a");
  });

  it("brings back no tombstone that a sign-in here has replaced, for two minutes [F58 P19]", () => {
    const gone = tombstone("a", T);
    const known = heard(
      nothing(lagging),
      [T, read(gone, T)],
      [T, changed(signIn)],
      [T, written(b, [signIn])],
    );
    expect(served(heard(known, [T + 119_999, read(gone, T + 119_999)]))).toBe("b");
    expect(served(heard(known, [T + 120_000, read(gone, T + 120_000)]))).toBeUndefined();
  });

  it("shows a session that nobody here has known at once [P4 P19]", () => {
    const known = heard(knownOf(a, T, lagging), [T, changed(signIn)], [T, written(b, [signIn])]);
    expect(served(heard(known, [T + 1, read(named("c"), T + 1)]))).toBe("c");
  });

  it("shows the end of what was written here at once [P4]", () => {
    const known = heard(nothing(lagging), [T, written(b)]);
    expect(served(heard(known, [T + 1, read(tombstone("b", T, 2), T + 1)]))).toBeUndefined();
  });

  it("is judged by when it was asked: an answer may wait while the context sleeps [F58]", () => {
    const known = heard(nothing(lagging), [T, written(b)]);
    expect(served(heard(known, [T + HOUR, read(undefined, T + 1)]))).toBe("b");
    expect(served(heard(known, [T + HOUR, read(undefined, T + HOUR)]))).toBeUndefined();
  });

  it("is one that does not compare and set: the others do not lag [F33 F58]", () => {
    const known = heard(nothing(), [T, written(b)]);
    expect(lags(known, undefined, at(T + 1).running)).toBe(false);
    expect(served(heard(known, [T + 1, read(undefined, T)]))).toBeUndefined();
    expect(lags(knownOf(a, T), toRecord(old), at(T + 1).running)).toBe(false);
  });
});

describe("a store that has lost what is known", () => {
  const old = named("a", { generation: 2, revision: 5 });

  it("gets it back, and it is served meanwhile [P3 P6]", () => {
    const known = heard(knownOf(a, T), [T + 1, read(old, T)]);
    expect(known.changes).toEqual([{ type: "restore", session: a, isFailed: false }]);
    expect(known.session).toEqual({ ...a, revision: 8 });
    // Once is enough.
    expect(heard(known, [T + 2, read(old, T)]).changes).toHaveLength(1);
  });

  it("gets nothing back of what it shows newer, or of another session [P3]", () => {
    expect(heard(knownOf(a, T), [T + 1, read(next(4), T)]).changes).toEqual([]);
    expect(heard(knownOf(a, T), [T + 1, read(b, T)]).changes).toEqual([]);
    expect(heard(knownOf(a, T), [T + 1, read(undefined, T)]).changes).toEqual([]);
  });

  it("gets nothing back after a sign-out [P4]", () => {
    const known = heard(knownOf(a, T), [T + 1, read(old, T)], [T + 2, changed(end(["a"], T))]);
    expect(known.changes.map(({ type }) => type)).toEqual(["end"]);
    expect(served(known)).toBeUndefined();
  });
});

describe("when the refresh token was last known to be unspent", () => {
  it("is when the last look without an intent was begun [P2 F60]", () => {
    const looked = { type: "read", record: toRecord(a), askedAt: 41 } as const;
    expect(heard(nothing(), [T, looked]).quietAt).toBe(41);
    expect(heard(nothing(), [T, { ...looked, record: undefined }]).quietAt).toBe(41);
  });

  it("is nobody's guess where the first look shows an intent [P2 F60]", () => {
    expect(knownOf(withIntent(a), T).quietAt).toBeUndefined();
  });

  it("stays, while an intent stands [P2 F60]", () => {
    const known = heard(
      knownOf(a, T),
      [T + SECOND, read(withIntent(a), T + SECOND)],
      [T + MINUTE, read(withIntent(a, "later", 9), T + MINUTE)],
    );
    expect(known.quietAt).toBe(at(T).running);
  });

  it("of a new generation is the look before it: the token was not there yet [P2 F60]", () => {
    const known = heard(
      knownOf(a, T),
      [T + SECOND, read(a, T + SECOND)],
      [T + MINUTE, read(withIntent(next(4)), T + MINUTE)],
    );
    expect(known.quietAt).toBe(at(T + SECOND).running);
  });

  it("is not a look that has failed: it has seen nothing [P2 F60]", () => {
    const known = heard(
      knownOf(a, T),
      [T + 50 * SECOND, failed],
      [T + MINUTE, read(withIntent(next(4)), T + MINUTE)],
    );
    expect(known.quietAt).toBe(at(T).running);
  });

  it("is when that look was begun, not when its answer came [P2 F60]", () => {
    const known = heard(
      nothing(),
      [T + 4 * SECOND, read(a, T)],
      [T + MINUTE, read(withIntent(next(4)), T + MINUTE)],
    );
    expect(known.quietAt).toBe(at(T).running);
  });

  it("is a write of our own without an intent, but none with one [P2]", () => {
    const known = heard(knownOf(a, T), [T + SECOND, written(next(4))]);
    expect(known.quietAt).toBe(at(T).running);
    const begun = heard(known, [T + 2 * SECOND, written(withIntent(next(4)))]);
    expect(begun.quietAt).toBe(at(T).running);
  });
});

describe("since when a generation and an intent are known", () => {
  it("the first that was read is the first [P15]", () => {
    expect(knownOf(a, T).generation).toEqual({ since: at(T).running, notBefore: undefined });
  });

  it("the next one is not, and a look that shows the same changes nothing [P15]", () => {
    const known = heard(
      knownOf(a, T),
      [T + 1, read(next(4), T)],
      [T + MINUTE, read(next(4, { revision: 20 }), T)],
    );
    expect(known.generation).toEqual({ since: at(T + 1).running, notBefore: at(T).running });
  });

  it("another session's did not stand at the last look either [P15]", () => {
    const known = heard(knownOf(a, T), [T + 1, read(b, T)]);
    expect(known.generation).toEqual({ since: at(T + 1).running, notBefore: at(T).running });
    const back = heard(knownOf(a, T), [T + 1, read(undefined, T)], [T + 2, read(next(4), T)]);
    expect(back.generation.notBefore).toBe(at(T).running);
  });

  it("an intent is as old as this context has seen that attempt [F60 P10]", () => {
    const known = heard(knownOf(withIntent(a), T), [
      T + MINUTE,
      read(withIntent(a, "theirs", 9), T),
    ]);
    expect(known.intent).toEqual({ id: "theirs", since: at(T).running });
    const taken = heard(known, [T + MINUTE, read(withIntent(a, "other", 10), T)]);
    expect(taken.intent).toEqual({ id: "other", since: at(T + MINUTE).running });
    expect(heard(taken, [T + MINUTE, read({ ...a, revision: 11 }, T)]).intent).toBeUndefined();
  });
});

describe("a generation's age", () => {
  const renewed = (age: number): Knowledge => knownOf(next(4, { renewedAt: T - age }), T);

  it("is the wall clock's for the first record that is read [P15]", () => {
    expect(ageOfGeneration(renewed(MINUTE), at(T + 5))).toBe(MINUTE + 5);
    expect(ageOfGeneration(renewed(-MINUTE), at(T))).toBe(Infinity);
  });

  it("is at most the time since a look that did not show it, whatever a clock says [P15 F16]", () => {
    const known = heard(knownOf(a, T), [T + 10, read(next(4, { renewedAt: T + 5 }), T + 9)]);
    const years = { now: T + 10 * 365 * 24 * HOUR, running: at(T + 20).running };
    expect(ageOfGeneration(known, years)).toBeLessThanOrEqual(20);
    expect(ageOfGeneration(known, at(T + 20))).toBe(15);
  });

  it("is at least the time since it was seen, though a clock was set back [P15 F16]", () => {
    const known = heard(knownOf(a, T), [T + 10, read(next(4, { renewedAt: T + 5 }), T + 9)]);
    const past = { now: T - HOUR, running: at(T + MINUTE).running };
    expect(ageOfGeneration(known, past)).toBe(MINUTE - 10);
  });
});
