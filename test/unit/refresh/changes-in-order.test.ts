/** Several changes in their order, and what memory serves until they are written. */
import { describe, expect, it } from "vitest";
import { toRecord } from "../../../src/guard/record.ts";
import { preview, type Change, type Found } from "../../../src/refresh/changes.ts";
import type { Session } from "../../../src/types.ts";
import {
  at,
  begin,
  conclude,
  end,
  ended,
  found,
  named,
  NOTHING,
  SECOND,
  START,
} from "./known-sessions.ts";
import {
  NOW,
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

  it.each([
    ["a write of it may still arrive", { mayArrive: "x" }, "†x"],
    ["none may arrive", {}, ""],
  ])(
    "a sign-out and then a sign-in yield to a removal that came later, where %s [P4 F49]",
    (_, may, left) => {
      const again = begin(b, B_AT, { basis: toRecord(a), isFailed: true });
      const removed = ended("a", B_AT + SECOND);
      const merged = write([end(["a"], B_AT - 1, may), again], removed);
      expect(outcome(merged)).toBe(left);
      expect(tokens(merged)).toEqual(["access-b"]);
      expect(preview([end(["a"], B_AT - 1, may), again], removed, at(NOW))).toBeUndefined();
    },
  );

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
    expect(merged.record?.endedAt).toBe(NOW - 1);
  });

  it("trouble and then a grant, of two attempts: the grant stands, one revision on [P3 P20]", () => {
    const trouble = { ...grant, outcome: { type: "trouble" }, got: undefined } as const;
    const merged = write([conclude("a", trouble), conclusion], found(withIntent(a)));
    expect(merged.record).toMatchObject({ revision: 8, body: { generation: 4, revision: 8 } });
    expect(tokens(merged)).toEqual([]);
  });

  it("a restored session and then its conclusion [P3 P20]", () => {
    const noted = { ...withIntent(a), revision: 9 };
    const merged = write(
      [{ type: "restore", session: noted, isFailed: false }, conclusion],
      found(a),
    );
    expect(merged.record).toMatchObject({ revision: 10, body: { generation: 4, revision: 10 } });
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

  it("a sign-in that was refused before it could be written takes nobody else's place, and is revoked [P9 P20]", () => {
    const refused = begin({ ...b, refused: true }, B_AT);
    const merged = write([refused], found(c(START)));
    expect(outcome(merged)).toBe("");
    expect(tokens(merged)).toEqual(["access-b"]);
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
