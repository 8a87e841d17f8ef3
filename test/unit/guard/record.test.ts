import { describe, expect, it } from "vitest";
import { fromRecord, toRecord } from "../../../src/guard/record.ts";
import type { Session } from "../../../src/types.ts";

const NOW = 1_800_000_000_000;

/** A session in which everything stands that may. */
const session: Session = {
  sessionId: "s1",
  startedAt: NOW,
  generation: 3,
  revision: 7,
  tokenSet: { accessToken: "a3", refreshToken: "r3", expiresAt: NOW + 60_000, scope: "read" },
  issuedAt: NOW,
  refreshAt: NOW + 45_000,
  renewedAt: NOW,
  attempt: 2,
  lastAttempt: 3,
  skew: -500,
  coolDown: { until: NOW + 1_000, tries: 1 },
  intent: { attemptId: "i", attempt: 3, firstSentAt: NOW, repeated: false, deadline: NOW + 15_000 },
};

/** The session with another value at a path such as `tokenSet.expiresAt`. */
function withValue(path: string, value: unknown): Session {
  const changed = structuredClone(session);
  const names = path.split(".");
  const last = names.pop() ?? "";
  const parent = names.reduce<object>((found, name) => Reflect.get(found, name), changed);
  Reflect.set(parent, last, value);
  return changed;
}

const always = [
  ...["startedAt", "generation", "issuedAt", "attempt", "coolDown.until", "coolDown.tries"],
  ...["intent.attempt", "intent.firstSentAt", "intent.deadline"],
];
const atTimes = ["tokenSet.expiresAt", "refreshAt", "renewedAt", "lastAttempt", "skew"];

describe("a session that is read from a store", () => {
  it("is taken as it is, with all that may be absent and without it [S10]", () => {
    expect(fromRecord(toRecord(session))).toEqual(session);
    for (const name of [...atTimes, "tokenSet.refreshToken", "intent", "coolDown"]) {
      const without = withValue(name, undefined);
      expect(fromRecord(toRecord(without)), name).toEqual(without);
    }
  });

  it.each([...always, ...atTimes])("is none where %s is no number [S10 P15]", (name) => {
    for (const value of ["soon", null, NaN, Infinity, {}])
      expect(fromRecord(toRecord(withValue(name, value))), String(value)).toBeUndefined();
  });

  it.each(["tokenSet.accessToken", "tokenSet.refreshToken"])(
    "is none where %s is no text [S10]",
    (name) => {
      for (const value of [1, {}, ["a"], true])
        expect(fromRecord(toRecord(withValue(name, value))), String(value)).toBeUndefined();
    },
  );

  it("is none without tokens, and where its head is of another one [S10]", () => {
    expect(fromRecord(toRecord(withValue("tokenSet", undefined)))).toBeUndefined();
    expect(fromRecord({ ...toRecord(session), sessionId: "s2" })).toBeUndefined();
    expect(fromRecord({ ...toRecord(session), revision: 8 })).toBeUndefined();
    expect(fromRecord(undefined)).toBeUndefined();
  });
});
