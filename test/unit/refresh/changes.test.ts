/** What is still to be written, over every record that can be found. */
import { describe, expect, it } from "vitest";
import {
  type Change,
  covers,
  type Found,
  isAhead,
  merge,
  type Merged,
  preview,
} from "../../../src/refresh/changes.ts";
import { toRecord } from "../../../src/guard/record.ts";
import type { Session } from "../../../src/types.ts";
import {
  at,
  begin,
  conclude,
  end,
  ended,
  found,
  granted,
  HOUR,
  intent,
  MINUTE,
  named,
  NOTHING,
  SECOND,
  START,
  tombstone,
} from "./pure.ts";

/** The wall time at which everything below is written. */
const NOW = START + 10 * MINUTE;

interface Written {
  readonly now?: number;
  readonly highest?: number;
}

const write = (
  changes: readonly Change[],
  is: Found,
  { now = NOW, highest = 0 }: Written = {},
): Merged => merge(changes, is, { ...at(now), highest });

/** What the record comes to hold, in one word: a session's name, "†name" for a tombstone, "" for no write. */
function outcome({ record }: Merged): string {
  if (!record) return "";
  return record.tombstone ? `†${record.sessionId}` : record.sessionId;
}

const tokens = ({ dropped }: Merged): string[] => dropped.map(({ accessToken }) => accessToken);
const endedBy = ({ ended: all }: Merged): string[] => all.map(({ sessionId }) => sessionId);

/** Session "a" was begun at START, and its record is at revision 7. */
const a = named("a");
/** Session "b" is signed in a minute before everything is written. */
const B_AT = NOW - MINUTE;
const b = named("b", { startedAt: B_AT, generation: 1, revision: 1, attempt: 0 });
/** Session "c" is somebody else's, begun elsewhere. */
const c = (startedAt: number): Session => named("c", { startedAt, revision: 3 });

const withIntent = (is: Session): Session => ({ ...is, intent: intent(START) });
/** A grant for the attempt that {@link withIntent} shows. */
const grant = granted("new", NOW - SECOND, intent(START));

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
  const signIn = begin(b, B_AT, { basis: toRecord(a) });
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
    stands(begin(b, B_AT, { basis: toRecord(c(NOW)) }), found(c(NOW)));
  });

  it("by its running age, so that a step of the clock changes no order [P19 F16]", () => {
    // The clock was set back by an hour before it was made, and ahead again before it is written.
    const made = begin({ ...b, startedAt: B_AT - HOUR }, B_AT, { basis: toRecord(a) });
    stands(made, found(c(B_AT - MINUTE)));
    yields(made, found(c(B_AT + 1)));
    // The other way round.
    const ahead = begin({ ...b, startedAt: B_AT + HOUR }, B_AT, { basis: toRecord(a) });
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
    stands(begin(b, B_AT, { basis }), { head: basis, session: undefined });
  });

  it("to an end of the known session that has come since [P4 F49]", () => {
    const basis = tombstone("a", START, 8);
    yields(begin(b, B_AT, { basis }), { head: tombstone("a", B_AT + 1, 9), session: undefined });
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
    ["its own tombstone", ended("a", START)],
    ["another's tombstone", ended("c", START)],
  ])("over %s has nothing to end [P4 F46]", (_, is) => {
    const merged = write([end(["a"], OUT_AT)], is);
    expect(merged).toEqual({ record: undefined, ended: [], dropped: [] });
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

describe("several changes, in order", () => {
  const signIn = begin(b, B_AT, { basis: toRecord(a) });
  const conclusion = conclude("a", grant);

  it.each([
    ["before", [conclusion, signIn]],
    ["after", [signIn, conclusion]],
  ])(
    "a conclusion that came %s the sign-in takes none of its place, and is revoked [F40 P19 P20]",
    (_, all) => {
      const merged = write(all, found(withIntent(a)));
      expect(outcome(merged)).toBe("b");
      expect(tokens(merged)).toEqual(["access-new"]);
      expect(endedBy(merged)).toEqual([]);
    },
  );

  it("a sign-out and then a sign-in: the old one is ended, and the new one stands [F41 P19]", () => {
    const merged = write([end(["a"], B_AT - 1), signIn], found(a));
    expect(merged.record).toMatchObject({ sessionId: "b", revision: 8 });
    expect(endedBy(merged)).toEqual(["a"]);
    expect(tokens(merged)).toEqual([]);
  });

  it("a sign-out and then a sign-in stand in that order though the clock was set back between [F41 F16 P19]", () => {
    // Signed out at a wall time ten seconds ahead of the one that the sign-in has seen.
    const out = end(["a"], B_AT, { at: { ...at(B_AT), now: B_AT + 10 * SECOND } });
    const again = begin(b, B_AT + 1);
    const merged = write([out, again], found(a));
    expect(outcome(merged)).toBe("b");
    expect(tokens(merged)).toEqual([]);
  });

  it("a sign-in and then a sign-out: nothing is left, and both are ended [P4 P19]", () => {
    const merged = write([signIn, end(["a", "b"], NOW)], found(a));
    expect(outcome(merged)).toBe("†b");
    expect(endedBy(merged)).toEqual(["b"]);
  });

  it("a conclusion and then a sign-out: the grant is ended with the session [P4 P20 S14]", () => {
    const merged = write([conclusion, end(["a"], NOW)], found(withIntent(a)));
    expect(outcome(merged)).toBe("†a");
    expect(merged.ended.map(({ tokenSet }) => tokenSet.refreshToken)).toEqual(["refresh-new"]);
    expect(tokens(merged)).toEqual([]);
  });

  it("a sign-out and then a conclusion: the late grant is revoked [P4 P20 F24]", () => {
    const merged = write([end(["a"], NOW - 1), conclusion], found(withIntent(a)));
    expect(outcome(merged)).toBe("†a");
    expect(tokens(merged)).toEqual(["access-new"]);
    expect(endedBy(merged)).toEqual(["a"]);
  });

  it("two sign-outs end it once [F46]", () => {
    const merged = write([end(["a"], NOW - 2), end(["a"], NOW - 1)], found(a));
    expect(outcome(merged)).toBe("†a");
    expect(endedBy(merged)).toEqual(["a"]);
    expect(merged.record?.endedAt).toBe(NOW - 2);
  });

  it("trouble and then a grant, of two attempts: the grant stands [P20]", () => {
    const trouble = { ...grant, outcome: { type: "trouble" }, got: undefined } as const;
    const merged = write([conclude("a", trouble), conclusion], found(withIntent(a)));
    expect(merged.record).toMatchObject({ revision: 9, body: { generation: 4, revision: 9 } });
    expect(tokens(merged)).toEqual([]);
  });

  it("a restored session and then its conclusion [P3 P20]", () => {
    const noted = { ...withIntent(a), revision: 9 };
    const merged = write(
      [{ type: "restore", session: noted, isFailed: false }, conclusion],
      found(a),
    );
    expect(merged.record).toMatchObject({ revision: 11, body: { generation: 4, revision: 11 } });
  });

  it.each([
    ["conclusion, sign-out, sign-in", [conclusion, end(["a"], B_AT - 1), signIn], ["a"], []],
    [
      "sign-out, conclusion, sign-in",
      [end(["a"], B_AT - 1), conclusion, signIn],
      ["a"],
      ["access-new"],
    ],
    [
      "sign-out, sign-in, conclusion",
      [end(["a"], B_AT - 1), signIn, conclusion],
      ["a"],
      ["access-new"],
    ],
  ])(
    "%s: the sign-in stands, and nothing of the old one is lost [F40 F41 P19 P20]",
    (_, all, gone, revoked) => {
      const merged = write(all, found(withIntent(a)));
      expect(outcome(merged)).toBe("b");
      expect(endedBy(merged)).toEqual(gone);
      expect(tokens(merged)).toEqual(revoked);
    },
  );

  it.each([
    ["sign-in, conclusion, sign-out", [signIn, conclusion, end(["a", "b"], NOW)]],
    ["conclusion, sign-in, sign-out", [conclusion, signIn, end(["a", "b"], NOW)]],
  ])("%s: nothing is left, and the grant is revoked [P4 P20]", (_, all) => {
    const merged = write(all, found(withIntent(a)));
    expect(outcome(merged)).toBe("†b");
    expect(endedBy(merged)).toEqual(["b"]);
    expect(tokens(merged)).toEqual(["access-new"]);
  });

  it("an empty list writes nothing [P3]", () => {
    expect(write([], found(a))).toEqual({ record: undefined, ended: [], dropped: [] });
  });

  it("a sign-in that was refused before it could be written takes nobody else's place [P9]", () => {
    const refused = begin({ ...b, refused: true }, B_AT);
    expect(outcome(write([refused], found(c(START))))).toBe("");
    // Where nobody is, it says that a sign-in is needed.
    expect(outcome(write([refused], NOTHING))).toBe("b");
  });
});

describe("what memory serves meanwhile", () => {
  const served = (changes: readonly Change[], is: Found): string | undefined =>
    preview(changes, is, at(NOW))?.tokenSet.accessToken;
  const signIn = begin(b, B_AT, { basis: toRecord(a) });

  it("is what was found, while a sign-in or a conclusion is being written [P7]", () => {
    expect(served([signIn], found(a))).toBe("access-a");
    expect(served([conclude("a", grant)], found(withIntent(a)))).toBe("access-a");
    expect(served([], NOTHING)).toBeUndefined();
  });

  it("is the sign-in or the conclusion, once the store has not taken it [P7 P19]", () => {
    expect(served([{ ...signIn, isFailed: true }], found(a))).toBe("access-b");
    const failed = conclude("a", grant, { isFailed: true });
    expect(served([failed], found(withIntent(a)))).toBe("access-new");
  });

  it("is nothing from a sign-out on, whether that is written or not [P4]", () => {
    expect(served([end(["a"], NOW)], found(a))).toBeUndefined();
    expect(served([end([], NOW)], found(c(START)))).toBeUndefined();
  });

  it("is what the store has lost, at once [P3]", () => {
    const ahead = named("a", { generation: 4, revision: 9 });
    const lost = { ...ahead, tokenSet: { accessToken: "access-ahead" } };
    expect(served([{ type: "restore", session: lost, isFailed: false }], found(a))).toBe(
      "access-ahead",
    );
  });

  it("is not a sign-in that is waiting behind a sign-out [P4 P7]", () => {
    expect(served([end(["a"], B_AT - 1), signIn], found(a))).toBeUndefined();
  });

  it.each([
    ["a sign-in", [signIn]],
    ["a conclusion", [conclude("a", grant)]],
    ["a conclusion and a sign-in", [conclude("a", grant), signIn]],
    ["a sign-in and a conclusion", [signIn, conclude("a", grant)]],
    ["a sign-out and a sign-in", [end(["a"], B_AT - 1), signIn]],
    ["a conclusion and a sign-out", [conclude("a", grant), end(["a"], NOW)]],
  ])("is what the record will say, once all has failed: %s [P7 P19]", (_, all) => {
    const failed = all.map((change) => ({ ...change, isFailed: true }));
    for (const is of [
      NOTHING,
      found(withIntent(a)),
      found(c(START)),
      found(c(NOW)),
      ended("a", NOW),
    ]) {
      const { record } = write(failed, is);
      const stands = record ? (record.body as Session | undefined) : is.session;
      expect(preview(failed, is, at(NOW))?.tokenSet).toEqual(stands?.tokenSet);
    }
  });
});
