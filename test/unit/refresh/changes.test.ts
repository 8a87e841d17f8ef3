/** What is still to be written: each change over every record that can be found. */
import { describe, expect, it } from "vitest";
import { toRecord } from "../../../src/guard/record.ts";
import { covers, isAhead, merge, type Change, type Found } from "../../../src/refresh/changes.ts";
import type { Session } from "../../../src/types.ts";
import {
  at,
  begin,
  conclude,
  end,
  ended,
  found,
  HOUR,
  intent,
  MINUTE,
  named,
  NOTHING,
  SECOND,
  START,
  tombstone,
} from "./known-sessions.ts";
import {
  NOW,
  type Written,
  write,
  outcome,
  tokens,
  endedBy,
  a,
  B_AT,
  b,
  c,
  withIntent,
  grant,
} from "./written-changes.ts";

describe("a sign-in", () => {
  const signIn = begin(b, B_AT, { basis: toRecord(a) });

  it("over no record is written, above everything that was tried here [P3 P19]", () => {
    const merged = write([signIn], NOTHING, { highest: 12 });
    expect(merged.record).toEqual(toRecord({ ...b, revision: 13 }));
    expect(merged).toMatchObject({ ended: [], dropped: [] });
  });

  it("over the session that was known takes its place, one revision later [P3 P19 F40]", () => {
    expect(write([signIn], found(a)).record).toEqual(toRecord({ ...b, revision: 8 }));
  });

  it("over a refresh of the session that was known takes its place [F40 P19]", () => {
    const refreshed = named("a", { generation: 4, revision: 12, renewedAt: NOW });
    expect(write([signIn], found(refreshed)).record).toMatchObject({
      sessionId: "b",
      revision: 13,
    });
  });

  it("over its own record writes nothing: the answer was lost [F101 P19]", () => {
    const merged = write([signIn], found({ ...b, revision: 8 }));
    expect(merged).toEqual({ record: undefined, ended: [], dropped: [] });
  });

  it("over a newer generation of its own writes nothing, and drops nothing [F101 P3]", () => {
    const merged = write([signIn], found({ ...b, generation: 2, revision: 9 }));
    expect(merged).toEqual({ record: undefined, ended: [], dropped: [] });
  });

  it("that was refreshed in memory goes over its own older record [P7 P3]", () => {
    const moved = begin({ ...b, generation: 2, revision: 5 }, B_AT);
    const merged = write([moved], found({ ...b, revision: 8 }));
    expect(merged.record).toMatchObject({ sessionId: "b", revision: 9, body: { generation: 2 } });
  });

  it("over its own tombstone is not written, and is revoked [P4 F24]", () => {
    const merged = write([signIn], ended("b", START));
    expect(outcome(merged)).toBe("");
    expect(tokens(merged)).toEqual(["access-b"]);
  });

  it("over a record that cannot be opened takes its place [S8 P19]", () => {
    const closed: Found = { head: toRecord(named("x")), session: undefined };
    expect(write([signIn], closed).record).toMatchObject({ sessionId: "b", revision: 8 });
  });
});

describe("a sign-in yields", () => {
  const signIn = begin(b, B_AT, { basis: toRecord(a), isFailed: true });
  const yields = (change: Change, is: Found, written?: Written): void => {
    const merged = write([change], is, written);
    expect(outcome(merged)).toBe("");
    expect(tokens(merged)).toEqual(["access-b"]);
  };
  const stands = (change: Change, is: Found, written?: Written): void => {
    const merged = write([change], is, written);
    expect(outcome(merged)).toBe("b");
    expect(tokens(merged)).toEqual([]);
  };

  it("to such a session, too, where its context was frozen before it could write [P19 F40]", () => {
    const frozen = begin(b, B_AT, { basis: toRecord(a) });
    const later = { ...at(B_AT + 2 * 60_000) };
    expect(outcome(merge([frozen], found(c(B_AT + 1)), { ...later, highest: 7 }))).toBe("");
    const soon = at(B_AT + 30_000);
    expect(outcome(merge([frozen], found(c(B_AT + 1)), { ...soon, highest: 7 }))).toBe("b");
  });

  it("to a session that was begun later elsewhere, and is revoked [P19 P20]", () => {
    yields(signIn, found(c(B_AT + 1)));
  });

  it("not to one that was begun at the same moment, or before [P19]", () => {
    stands(signIn, found(c(B_AT)));
    stands(signIn, found(c(B_AT - 1)));
  });

  it("not to one that says it was begun in the future [P19 F16]", () => {
    yields(signIn, found(c(NOW)));
    stands(signIn, found(c(NOW + 1)));
  });

  it("not to the session that was known, whenever that says it was begun [P19 F40]", () => {
    stands(begin(b, B_AT, { basis: toRecord(c(NOW)), isFailed: true }), found(c(NOW)));
  });

  it("by its running age, so that a step of the clock changes no order [P19 F16]", () => {
    // The clock was set back by an hour before it was made, and ahead again before it is written.
    const made = begin({ ...b, startedAt: B_AT - HOUR }, B_AT, {
      basis: toRecord(a),
      isFailed: true,
    });
    stands(made, found(c(B_AT - MINUTE)));
    yields(made, found(c(B_AT + 1)));
    // The other way round.
    const ahead = begin({ ...b, startedAt: B_AT + HOUR }, B_AT, {
      basis: toRecord(a),
      isFailed: true,
    });
    yields(ahead, found(c(B_AT + 1)));
  });

  it("to a sign-out that came later elsewhere, and is revoked [P4 F49]", () => {
    yields(signIn, ended("a", B_AT + 1));
    yields(signIn, ended("x", B_AT + 1));
  });

  it("not to a sign-out that came before it [P19]", () => {
    stands(signIn, ended("a", B_AT));
    stands(signIn, ended("x", B_AT));
  });

  it("not to the tombstone that was known [P19]", () => {
    const basis = tombstone("a", NOW);
    stands(begin(b, B_AT, { basis, isFailed: true }), { head: basis, session: undefined });
  });

  it("to an end of the known session that has come since [P4 F49]", () => {
    const basis = tombstone("a", START, 8);
    yields(begin(b, B_AT, { basis, isFailed: true }), {
      head: tombstone("a", B_AT + 1, 9),
      session: undefined,
    });
  });

  it("not to a tombstone that says nothing of its time [P19]", () => {
    const { endedAt: _, ...head } = tombstone("x", 0);
    stands(signIn, { head, session: undefined });
  });

  it("not to a record that cannot be opened [P19 S8]", () => {
    stands(signIn, { head: toRecord(c(NOW)), session: undefined });
  });
});

describe("a conclusion", () => {
  it("of the record's session is written [P20]", () => {
    const merged = write([conclude("a", grant)], found(withIntent(a)));
    expect(merged.record).toMatchObject({
      sessionId: "a",
      revision: 8,
      attemptId: undefined,
      body: { generation: 4, tokenSet: { accessToken: "access-new" } },
    });
    expect(merged).toMatchObject({ ended: [], dropped: [] });
  });

  it("is merged with a write that came in between [F37 P20]", () => {
    const later = { ...withIntent(a), revision: 11, skew: 5 };
    expect(write([conclude("a", grant)], found(later)).record).toMatchObject({
      revision: 12,
      body: { generation: 4 },
    });
  });

  it.each([
    ["no record", NOTHING],
    ["another session", found(c(START))],
    ["another session's tombstone", ended("c", NOW)],
    ["its own tombstone", ended("a", NOW)],
  ])("over %s brings nothing back, and its grant is revoked [P4 P20 F24]", (_, is) => {
    const merged = write([conclude("a", grant)], is);
    expect(outcome(merged)).toBe("");
    expect(tokens(merged)).toEqual(["access-new"]);
  });

  it("without a grant, of another session, changes and revokes nothing [P4]", () => {
    const refusal = { ...grant, outcome: { type: "refused" }, got: undefined } as const;
    const merged = write([conclude("a", refusal)], found(c(START)));
    expect(merged).toEqual({ record: undefined, ended: [], dropped: [] });
  });

  it("that is outranked by a later attempt's grant changes and revokes nothing [P6 P8]", () => {
    const merged = write([conclude("a", grant)], found({ ...a, attempt: 3, generation: 4 }));
    expect(merged).toEqual({ record: undefined, ended: [], dropped: [] });
  });

  it("of an attempt that was taken over tells of no failure [P8]", () => {
    const trouble = { ...grant, outcome: { type: "trouble" }, got: undefined } as const;
    const taken = { ...a, intent: intent(START, { attemptId: "later", attempt: 4 }) };
    expect(outcome(write([conclude("a", trouble)], found(taken)))).toBe("");
  });
});

describe("a sign-out", () => {
  const OUT_AT = NOW - MINUTE;

  it("ends the session that was known, whenever it was begun [P4 P19]", () => {
    for (const startedAt of [START, OUT_AT + 1, NOW + HOUR]) {
      const merged = write([end(["a"], OUT_AT)], found({ ...a, startedAt }));
      expect(outcome(merged)).toBe("†a");
      expect(endedBy(merged)).toEqual(["a"]);
    }
  });

  it("leaves a tombstone that says when, one revision later and without a body [P4 S14]", () => {
    expect(write([end(["a"], OUT_AT)], found(a)).record).toEqual({
      format: 1,
      sessionId: "a",
      revision: 8,
      tombstone: true,
      endedAt: OUT_AT,
    });
  });

  it("that was made by a clock that was wrong then says when by its running age [P19 F16]", () => {
    const change = end(["a"], OUT_AT, { at: { ...at(OUT_AT), now: OUT_AT + HOUR } });
    expect(write([change], found(a)).record?.endedAt).toBe(OUT_AT);
  });

  it("ends the session that it finds, known or not, if that was begun before [F41 P19]", () => {
    for (const known of [[], ["a"]]) {
      const merged = write([end(known, OUT_AT)], found(c(OUT_AT)));
      expect(outcome(merged)).toBe("†c");
      expect(endedBy(merged)).toEqual(["c"]);
    }
  });

  it("does not end one that was begun later elsewhere [P19]", () => {
    const merged = write([end(["a"], OUT_AT)], found(c(OUT_AT + 1)));
    expect(merged).toEqual({ record: undefined, ended: [], dropped: [] });
  });

  it("ends one that says it was begun in the future [P4 F16]", () => {
    expect(outcome(write([end([], OUT_AT)], found(c(NOW + 1))))).toBe("†c");
  });

  it("dates what it finds by its running age [P19 F16]", () => {
    const change = end([], OUT_AT, { at: { ...at(OUT_AT), now: OUT_AT - HOUR } });
    expect(covers(change, found(c(OUT_AT)), at(NOW))).toBe(true);
    expect(covers(change, found(c(OUT_AT + 1)), at(NOW))).toBe(false);
  });

  it.each([
    ["no record", NOTHING],
    ["its own tombstone", ended("a", OUT_AT)],
    ["a later tombstone", ended("c", OUT_AT + 1)],
  ])("over %s has nothing to end [P4 F46]", (_, is) => {
    const merged = write([end(["a"], OUT_AT)], is);
    expect(merged).toEqual({ record: undefined, ended: [], dropped: [] });
  });

  it("over an earlier tombstone dates it anew: what was begun between them is over [P4 F49]", () => {
    const merged = write([end(["a"], OUT_AT)], ended("c", OUT_AT - 1));
    expect(merged).toMatchObject({ record: { sessionId: "c", endedAt: OUT_AT }, ended: [] });
  });

  it("ends a record that cannot be opened, and revokes nothing [P4 S8]", () => {
    const closed: Found = { head: toRecord(a), session: undefined };
    const merged = write([end(["a"], OUT_AT)], closed);
    expect(outcome(merged)).toBe("†a");
    expect(endedBy(merged)).toEqual([]);
  });

  it.each([
    ["no record", NOTHING],
    ["another's tombstone", ended("c", START)],
  ])("over %s leaves a tombstone for a write that may still arrive [P4 P19]", (_, is) => {
    const merged = write([end(["b"], OUT_AT, { mayArrive: "b" })], is, { highest: 8 });
    expect(outcome(merged)).toBe("†b");
    expect(merged.record?.revision).toBe(9);
    expect(endedBy(merged)).toEqual([]);
  });

  it("over a later tombstone leaves one that is as late, for what was begun between them [P4 F49]", () => {
    const merged = write([end(["b"], OUT_AT, { mayArrive: "b" })], ended("c", OUT_AT + SECOND));
    expect(merged.record).toMatchObject({ sessionId: "b", endedAt: OUT_AT + SECOND });
  });

  it("over no record of a store that lags leaves a tombstone: a session may only be late [P19 S14 F33]", () => {
    const change = end([], OUT_AT, { unseen: "u" });
    const soon = OUT_AT + SECOND;
    const { record } = write([change], NOTHING, { now: soon, highest: 8 });
    expect(record).toEqual({ ...tombstone("u", OUT_AT, 9) });
    // A sign-in right after it stands.
    const after = [change, begin({ ...b, startedAt: soon }, soon)];
    expect(outcome(write(after, NOTHING, { now: soon }))).toBe("b");
  });

  it("leaves none there once nothing from before it can be late any more: it would end a later session [P19 F33]", () => {
    const change = end([], OUT_AT, { unseen: "u", isFailed: true });
    expect(outcome(write([change], NOTHING, { now: OUT_AT + 119 * SECOND }))).toBe("†u");
    expect(outcome(write([change], NOTHING, { now: OUT_AT + 2 * MINUTE }))).toBe("");
  });

  it("does in a store that lags what it does elsewhere to what it finds [P19 S14]", () => {
    const change = end([], OUT_AT, { unseen: "u" });
    expect(outcome(write([change], found(c(OUT_AT))))).toBe("†c");
    expect(outcome(write([change], found(c(OUT_AT + 1))))).toBe("");
    expect(outcome(write([change], ended("c", OUT_AT)))).toBe("");
    expect(outcome(write([change], ended("c", OUT_AT - 1)))).toBe("†c");
  });

  it("leaves none where that write has arrived, or a later session stands [P19]", () => {
    const change = end(["b"], OUT_AT, { mayArrive: "b" });
    expect(outcome(write([change], found({ ...b, revision: 8 })))).toBe("†b");
    expect(outcome(write([change], ended("b", OUT_AT)))).toBe("");
    expect(outcome(write([change], found(c(OUT_AT + 1))))).toBe("");
  });
});

describe("what the store has lost", () => {
  const restore = (is: Session): Change => ({ type: "restore", session: is, isFailed: false });
  const ahead = named("a", { generation: 4, revision: 9 });

  it("is written again, above everything that others may have seen of it [P3 P6]", () => {
    expect(write([restore(ahead)], found(a)).record).toMatchObject({
      sessionId: "a",
      revision: 10,
      body: { generation: 4, revision: 10 },
    });
  });

  it("is a revision, too: an intent or a cool-down [P3 P5]", () => {
    const noted = { ...withIntent(a), revision: 8 };
    expect(write([restore(noted)], found(a)).record).toMatchObject({
      revision: 9,
      attemptId: "theirs",
    });
  });

  it.each([
    ["a newer generation", found(named("a", { generation: 5, revision: 8 }))],
    ["the same", found(ahead)],
    ["a later revision", found({ ...ahead, revision: 10 })],
    ["no record", NOTHING],
    ["another session", found(c(START))],
    ["its tombstone", ended("a", START)],
  ])("is not written over %s [P3 P4]", (_, is) => {
    expect(outcome(write([restore(ahead)], is))).toBe("");
  });

  it("is ahead by generation first, then by revision, and only of its own session [P3]", () => {
    expect(isAhead(ahead, a)).toBe(true);
    expect(isAhead(named("a", { generation: 4, revision: 1 }), a)).toBe(true);
    expect(isAhead(named("a", { generation: 2, revision: 99 }), a)).toBe(false);
    expect(isAhead(a, a)).toBe(false);
    expect(isAhead({ ...ahead, sessionId: "x" }, a)).toBe(false);
  });
});
