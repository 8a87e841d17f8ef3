/** When an object is woken though nobody calls: only where it has something to do. */
import { describe, expect, it } from "vitest";
import { type AlarmSight, nextAlarm, setAlarm } from "../../../src/cloudflare/alarm.ts";
import type { Intent, Session } from "../../../src/types.ts";

const HOUR = 3_600_000;
const now = 1_800_000_000_000;

const session = (given: Partial<Session> = {}): Session => ({
  sessionId: "s",
  startedAt: now,
  generation: 1,
  revision: 1,
  attempt: 0,
  issuedAt: now,
  refreshAt: now + 18 * HOUR,
  tokenSet: { accessToken: "a", refreshToken: "r", expiresAt: now + 24 * HOUR },
  ...given,
});

const intent: Intent = {
  attemptId: "a",
  attempt: 1,
  firstSentAt: now,
  repeated: false,
  deadline: now + 15_000,
};

const strict: AlarmSight = {
  session: session(),
  status: "signed-in",
  renewal: { rotation: "strict" },
  owes: false,
  now,
};

describe("an alarm", () => {
  it.each<[string, Partial<AlarmSight>, number | undefined]>([
    ["at the soft time", {}, 18 * HOUR],
    ["of a static token: none", { renewal: undefined }, undefined],
    [
      "of a token without a refresh token: none",
      { session: session({ tokenSet: { accessToken: "a", expiresAt: now + HOUR } }) },
      undefined,
    ],
    ["after a refusal: none", { session: session({ refused: true }) }, undefined],
    [
      "of a token whose life nobody knows: none, only a 401 refreshes it",
      {
        session: session({
          refreshAt: undefined,
          tokenSet: { accessToken: "a", refreshToken: "r" },
        }),
      },
      undefined,
    ],
    [
      "while an exchange is under way, after its deadline",
      { session: session({ intent }) },
      17_000,
    ],
    [
      "in a cool-down, at its end",
      {
        now: now + 19 * HOUR,
        session: session({ coolDown: { until: now + 19 * HOUR + 90_000, tries: 2 } }),
      },
      90_000,
    ],
    ["due, and not to be had: an hour later", { now: now + 19 * HOUR }, HOUR],
    ["due, and the end is near: at the end", { now: now + 23.5 * HOUR }, HOUR / 2],
    ["past the end: an hour later", { now: now + 25 * HOUR }, HOUR],
    [
      "the outcome unknown under strict rotation: at the token's end, nothing is done before",
      { now: now + 19 * HOUR, session: session({ intent: { ...intent, ended: true } }) },
      5 * HOUR,
    ],
    [
      "the same with a reuse window: in some seconds",
      {
        now: now + 19 * HOUR,
        renewal: { rotation: "strict", reuseWindow: 60_000 },
        session: session({ intent }),
      },
      10_000,
    ],
    [
      "an earlier instance's attempt, the token's end past: in some seconds",
      { now: now + 25 * HOUR, session: session({ intent }) },
      10_000,
    ],
    [
      "the same in a cool-down: at its end",
      {
        now: now + 25 * HOUR,
        session: session({
          intent: { ...intent, ended: true },
          coolDown: { until: now + 25 * HOUR + 90_000, tries: 3 },
        }),
      },
      90_000,
    ],
    ["nobody is signed in: none", { session: undefined, status: "signed-out" }, undefined],
    [
      "the storage or its keys cannot be had: an hour later",
      { session: undefined, status: "unavailable" },
      HOUR,
    ],
    ["not looked yet: an hour later", { session: undefined, status: "loading" }, HOUR],
    [
      "KV has to hear of a sign-out: a minute later",
      { session: undefined, status: "signed-out", owes: true },
      60_000,
    ],
    ["the same with a new session", { owes: true }, 60_000],
    ["the same with a static token", { owes: true, renewal: undefined }, 60_000],
  ])("%s [F97 F35]", (_, given, wait) => {
    expect(nextAlarm({ ...strict, ...given })).toBe(wait);
  });

  it("that stands already is not set again, and one without a reason is taken away [F97]", async () => {
    let armed: number | null = null;
    let sets = 0;
    const storage = {
      getAlarm: async () => armed,
      async setAlarm(time: number) {
        sets += 1;
        armed = time;
      },
      async deleteAlarm() {
        armed = null;
      },
    };
    await setAlarm(storage, undefined);
    await setAlarm(storage, HOUR);
    await setAlarm(storage, HOUR);
    expect(sets).toBe(1);
    expect(armed! - Date.now()).toBeGreaterThan(HOUR - 5_000);
    await setAlarm(storage, 2 * HOUR);
    expect(sets).toBe(2);
    await setAlarm(storage, undefined);
    expect(armed).toBeNull();
  });
});
