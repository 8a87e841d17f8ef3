/**
 * A bug in the pure half: a transition, or what decides about it, that throws once. Those who wait are told
 * of it as it is, it is no trouble of the store's, and the next call goes on.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { manualClock, settle } from "../../support/clock.ts";
import { credentials, reply } from "../../support/fake-api.ts";
import { type Bench, bench, refreshes, signedIn, VMS } from "../../support/vault.ts";
import { HOUR, MINUTE, oddStore, outcome, rest, testChannel, within } from "./faulty-parts.ts";

/** What throws next; one that lasts throws until it is mended. */
const bug = vi.hoisted(() => ({
  place: "",
  isLasting: false,
  thrown: 0,
  /** The type of the news that was learnt last. */
  learnt: "",
  pass(place: string): void {
    if (bug.place !== place && bug.place !== `${place} after ${bug.learnt}`) return;
    if (!bug.isLasting) bug.place = "";
    bug.thrown += 1;
    throw new RangeError("a bug");
  },
}));

vi.mock(import("../../../src/refresh/changes.ts"), async (original) => {
  const changes = await original();
  return {
    ...changes,
    merge(...given) {
      bug.pass("merge");
      return changes.merge(...given);
    },
    preview(...given) {
      bug.pass("preview");
      return changes.preview(...given);
    },
  };
});
vi.mock(import("../../../src/refresh/transitions.ts"), async (original) => {
  const transitions = await original();
  return {
    ...transitions,
    begun(...given) {
      bug.pass("begun");
      return transitions.begun(...given);
    },
    concluded(...given) {
      bug.pass("concluded");
      return transitions.concluded(...given);
    },
  };
});
vi.mock(import("../../../src/refresh/learn.ts"), async (original) => {
  const { learn } = await original();
  return {
    learn(known, news, at) {
      bug.pass(`learn: ${news.type}`);
      bug.learnt = news.type;
      return learn(known, news, at);
    },
  };
});

vi.mock(import("../../../src/refresh/plan.ts"), async (original) => {
  const plans = await original();
  return {
    ...plans,
    plan(...given) {
      bug.pass("plan");
      return plans.plan(...given);
    },
  };
});
vi.mock(import("../../../src/refresh/decide.ts"), async (original) => {
  const decisions = await original();
  return {
    ...decisions,
    decide(...given) {
      bug.pass("decide");
      return decisions.decide(...given);
    },
  };
});
vi.mock(import("../../../src/refresh/events.ts"), async (original) => {
  const events = await original();
  return {
    ...events,
    happenings(before, news, after) {
      bug.pass(`happenings: ${news.type}`);
      return events.happenings(before, news, after);
    },
  };
});
vi.mock(import("../../../src/refresh/endpoints.ts"), async (original) => {
  const endpoints = await original();
  type Endpoints = typeof endpoints;
  /** The same, but it throws where it is told to. */
  function faulty<Name extends keyof Endpoints>(name: Name): Endpoints[Name] {
    const asked = endpoints[name];
    if (typeof asked !== "function") return asked;
    const asks = (...given: unknown[]): unknown => {
      bug.pass(name);
      return (asked as (...given: unknown[]) => unknown)(...given);
    };
    return asks as unknown as Endpoints[Name];
  }
  const names = Object.keys(endpoints) as (keyof Endpoints)[];
  return Object.fromEntries(names.map((name) => [name, faulty(name)])) as unknown as Endpoints;
});

const unhandled: unknown[] = [];
const note = (reason: unknown): void => void unhandled.push(reason);

beforeEach(() => {
  process.on("unhandledRejection", note);
});
afterEach(() => {
  Object.assign(bug, { place: "", isLasting: false, thrown: 0, learnt: "" });
  process.off("unhandledRejection", note);
  unhandled.length = 0;
});

const TOLD = "RangeError: a bug";

/** Lets something meet the bug, and checks that it has: it throws once. */
async function meeting<T>(place: string, { clock }: Bench, act: () => Promise<T>): Promise<T> {
  bug.place = place;
  const end = await within(clock, MINUTE, act());
  await rest();
  expect(bug.thrown).toBe(1);
  return end;
}

/** What the store, and everybody else, has seen of the bug: nothing. */
function expectNobodysTrouble({ vault, types }: Bench): void {
  expect(types()).not.toContain("store-trouble");
  expect(types()).not.toContain("unpersisted");
  expect(vault.snapshot()).toMatchObject({ persisted: true });
  expect(unhandled).toEqual([]);
}

/** What somebody finds who opens the store anew. */
const reopened = ({ api, clock, store }: Bench): Promise<unknown> =>
  within(clock, MINUTE, outcome(bench({ api, clock, store }).vault.getToken()));

const revoked = ({ api }: Bench, what: string): number =>
  api.to("/revoke").filter(({ body }) => body.includes(what)).length;

describe("a bug in a refresh", () => {
  const places = [
    "learn: hushed",
    "learn: read",
    "begun",
    "learn: unsent",
    "learn: refreshing",
    "learn: ended",
    "concluded",
    "merge",
    "learn: writing",
    "learn: written",
    "preview",
    "decide after hushed",
    "decide after read",
    "decide after unsent",
    "decide after refreshing",
    "decide after ended",
    "decide after changed",
    "decide after writing",
    "decide after written",
    "happenings: hushed",
    "happenings: read",
    "happenings: unsent",
    "happenings: refreshing",
    "happenings: ended",
    "happenings: changed",
    "happenings: writing",
    "happenings: written",
    "causeOf after read",
    "isRejected after read",
    "isSurelyOver after read",
    "afterCommit",
  ];
  /** Asked by callers alone. */
  const callers = [
    "plan",
    "plan after written",
    "decide",
    "isRejected",
    "isSurelyOver",
    "hasRejected",
  ];

  it.each([...places, ...callers])(
    "(%s) is told to all who wait, and the next call has the one new token [F53 P2 P10 P20]",
    async (place) => {
      const made = await signedIn();
      const { vault, clock } = made;
      await clock.advance(HOUR);
      const calls = (): readonly Promise<unknown>[] => [
        vault.getToken(),
        vault.fetch(VMS),
        vault.authorization(),
      ];
      const ends = await meeting(place, made, () => Promise.all(calls().map(outcome)));
      // Who finds the next pass under way has its token.
      expect(ends).toContain(TOLD);
      for (const end of ends) expect(end).not.toBe("store_unavailable");
      expectNobodysTrouble(made);
      expect(await within(clock, MINUTE, outcome(vault.getToken()))).toBe("access-2-secret");
      expect(refreshes(made)).toBe(1);
      expect(await reopened(made)).toBe("access-2-secret");
      expectNobodysTrouble(made);
    },
  );

  it.each(places)(
    "(%s) ahead of time is told to nobody, and is over with the next look [F53 P2 P15]",
    async (place) => {
      const made = await signedIn({ refreshAhead: true });
      const { vault, clock } = made;
      bug.place = place;
      await clock.advance(HOUR - MINUTE);
      expect(bug.thrown).toBe(1);
      expectNobodysTrouble(made);
      await clock.advance(MINUTE);
      expect(await within(clock, MINUTE, outcome(vault.getToken()))).toBe("access-2-secret");
      expect(refreshes(made)).toBe(1);
      expect(await reopened(made)).toBe("access-2-secret");
      expectNobodysTrouble(made);
    },
  );

  it("that lasts makes no loop, and spends nothing more; when it is mended, all is well [F53 F54 P2]", async () => {
    const made = await signedIn({ refreshAhead: true });
    const { vault, clock } = made;
    Object.assign(bug, { place: "merge", isLasting: true });
    await clock.advance(HOUR);
    for (let calls = 0; calls < 5; calls++) {
      expect(await within(clock, MINUTE, outcome(vault.getToken()))).toBe(TOLD);
      await clock.advance(MINUTE);
    }
    expect(bug.thrown).toBeGreaterThan(5);
    expect(bug.thrown).toBeLessThan(20);
    expect(refreshes(made)).toBe(1);
    bug.place = "";
    expect(await within(clock, MINUTE, outcome(vault.getToken()))).toBe("access-2-secret");
    expect(refreshes(made)).toBe(1);
    expectNobodysTrouble(made);
  });
});

describe("a bug in what a 401 says", () => {
  const places = [
    "afterRejection",
    "afterBeginning",
    "afterCommit",
    "hasRejected",
    "isHeldBack",
    "isTakenBack",
    "isInQuestion",
    "isRejected",
    "isSurelyOver",
    "causeOf",
    "plan",
    "decide",
    "happenings: rejected",
  ];

  it.each(places)(
    "(%s) is told to who has called, and the next call is healed by the one refresh [F53 P2 P10 P13]",
    async (place) => {
      const made = await signedIn();
      const { vault, api, clock } = made;
      // So many that no more successes are noted than what is in question needs.
      for (let calls = 0; calls < 40; calls++) await vault.fetch(VMS);
      await clock.advance(MINUTE);
      api.expire();
      const calls = (): readonly Promise<unknown>[] => [vault.fetch(VMS), vault.fetch(`${VMS}/1`)];
      const ends = await meeting(place, made, () => Promise.all(calls().map(outcome)));
      expect(ends).toContain(TOLD);
      expectNobodysTrouble(made);
      expect((await within(clock, MINUTE, vault.fetch(VMS))).status).toBe(200);
      expect((await within(clock, MINUTE, vault.fetch(`${VMS}/1`))).status).toBe(200);
      expect(refreshes(made)).toBe(1);
      expect(await reopened(made)).toBe("access-2-secret");
      expectNobodysTrouble(made);
    },
  );
});

describe("a bug in what a success says", () => {
  it.each(["learn: passed", "afterPass", "decide", "happenings: passed"])(
    "(%s) takes no answer away from who has called [F53 P11]",
    async (place) => {
      const made = await signedIn();
      const { vault, api, clock } = made;
      const write = (): Promise<Response> => vault.fetch(VMS, { method: "POST", body: "a" });
      expect(await meeting(place, made, () => outcome(write().then(({ status }) => status)))).toBe(
        200,
      );
      expect(api.to(new URL(VMS).pathname)).toHaveLength(1);
      expectNobodysTrouble(made);
      expect((await within(clock, MINUTE, write())).status).toBe(200);
    },
  );
});

describe("a bug in a sign-in", () => {
  const places = [
    "merge",
    "learn: read",
    "learn: writing",
    "learn: written",
    "happenings: changed",
    "happenings: read",
    "happenings: writing",
    "decide after changed",
    "decide after read",
    "decide after writing",
  ];

  /** It is stored by then. */
  const written = "happenings: written";

  it.each([...places, written, "learn: changed", "preview", "decide", "happenings: started"])(
    "(%s) fails it, and the next one signs in [F53 P10 P19]",
    async (place) => {
      const made = await signedIn();
      const { vault, clock } = made;
      await clock.advance(MINUTE);
      expect(await meeting(place, made, () => outcome(vault.signIn(credentials)))).toBe(TOLD);
      expectNobodysTrouble(made);
      await within(clock, MINUTE, vault.signIn(credentials));
      expect(await within(clock, MINUTE, outcome(vault.getToken()))).toBe("access-3-secret");
      expect(await reopened(made)).toBe("access-3-secret");
      expectNobodysTrouble(made);
    },
  );

  it.each([...places, written])(
    "(%s) leaves what the server gave to be stored by the next call [F53 P20]",
    async (place) => {
      const made = await signedIn();
      const { vault, clock } = made;
      await clock.advance(HOUR);
      await meeting(place, made, () => outcome(vault.signIn(credentials)));
      expect(await within(clock, MINUTE, outcome(vault.getToken()))).toBe("access-2-secret");
      expect(await reopened(made)).toBe("access-2-secret");
      expect(refreshes(made)).toBe(0);
    },
  );

  it.each(places)(
    "(%s) leaves what the server gave to be revoked with the next sign-in [F53 P20]",
    async (place) => {
      const made = await signedIn();
      const { vault, clock } = made;
      await meeting(place, made, () => outcome(vault.signIn(credentials)));
      await within(clock, MINUTE, vault.signIn(credentials));
      await settle();
      expect(revoked(made, "refresh-2-secret")).toBe(1);
      expect(revoked(made, "refresh-3-secret")).toBe(0);
    },
  );
});

describe("a bug in a sign-out", () => {
  const places = [
    "learn: changed",
    "preview",
    "learn: read",
    "merge",
    "learn: writing",
    "learn: written",
    "happenings: read",
    "happenings: writing",
    "decide after changed",
    "decide after read",
    "decide after writing",
  ];

  it.each([...places, "decide", "happenings: written"])(
    "(%s) fails it, and the next one ends the session once [F53 P4 P10 S14]",
    async (place) => {
      const made = await signedIn();
      const { vault, clock, types } = made;
      await clock.advance(MINUTE);
      expect(await meeting(place, made, () => outcome(vault.signOut()))).toBe(TOLD);
      expectNobodysTrouble(made);
      expect(await within(clock, MINUTE, outcome(vault.signOut()))).toBeUndefined();
      await settle();
      expect(await reopened(made)).toBe("no_session");
      expect(revoked(made, "refresh-1-secret")).toBe(1);
      expect(types().filter((type) => type === "signed-out")).toHaveLength(1);
      expectNobodysTrouble(made);
    },
  );

  it.each([...places.slice(2), "happenings: changed"])(
    "(%s) does not bring the session back: the next call writes its end [F53 P4]",
    async (place) => {
      const made = await signedIn();
      const { vault, clock } = made;
      await clock.advance(MINUTE);
      await meeting(place, made, () => outcome(vault.signOut()));
      expect(vault.snapshot().status).toBe("signed-out");
      expect(await within(clock, MINUTE, outcome(vault.getToken()))).toBe("no_session");
      expect(await reopened(made)).toBe("no_session");
      await settle();
      expect(revoked(made, "refresh-1-secret")).toBe(1);
    },
  );
});

describe("a bug in what is learnt from the store", () => {
  it.each([
    ["learn: hushed", "loading"],
    ["learn: read", "loading"],
    ["preview", "loading"],
    ["plan", "loading"],
    ["decide", "loading"],
    ["causeOf", "loading"],
    ["isRejected", "loading"],
    ["isSurelyOver", "loading"],
    ["happenings: hushed", "loading"],
    // The session is known by then.
    ["happenings: read", "signed-in"],
    ["decide after read", "signed-in"],
    ["hasRejected", "signed-in"],
  ])(
    "(%s) is told to who waits, and the next call reads the session [F53 P10 P16]",
    async (place, status) => {
      const made = await signedIn();
      const other = bench(made);
      expect(await meeting(place, made, () => outcome(other.vault.getToken()))).toBe(TOLD);
      expectNobodysTrouble(other);
      expect(other.vault.snapshot().status).toBe(status);
      expect(await within(made.clock, MINUTE, outcome(other.vault.getToken()))).toBe(
        "access-1-secret",
      );
      expectNobodysTrouble(other);
    },
  );
});

describe("a bug while the vault is being closed", () => {
  it("in what is still to be written rejects nowhere, and leaves no channel open [F53 P21]", async () => {
    const { ...channel } = testChannel();
    let opened = 0;
    const made = await signedIn({
      channel: {
        open(...given) {
          const port = channel.open(...given);
          opened += 1;
          return { ...port, close: () => void (opened -= 1) };
        },
      },
    });
    const { vault, clock } = made;
    await clock.advance(HOUR);
    Object.assign(bug, { place: "merge", isLasting: true });
    expect(await within(clock, MINUTE, outcome(vault.getToken()))).toBe(TOLD);
    expect(opened).toBe(1);
    vault.close();
    await clock.advance(MINUTE);
    expect(bug.thrown).toBeGreaterThan(1);
    expect(opened).toBe(0);
    expect(clock.pending()).toEqual([]);
    expect(unhandled).toEqual([]);
  });
});

it("a bug hides no trouble of the store's after it, nor the grant that is still to be written [F53 P7 P20]", async () => {
  const clock = manualClock();
  const store = oddStore(clock);
  const made = await signedIn({ clock, store });
  const { vault, types } = made;
  await clock.advance(HOUR);
  expect(await meeting("merge", made, () => outcome(vault.getToken()))).toBe(TOLD);
  store.isDown = true;
  expect(await within(clock, MINUTE, outcome(vault.getToken()))).toBe("access-2-secret");
  expect(types()).toContain("store-trouble");
  expect(types()).toContain("unpersisted");
  store.isDown = false;
  await clock.advance(5 * MINUTE);
  expect(vault.snapshot()).toMatchObject({ persisted: true });
  expect(await reopened(made)).toBe("access-2-secret");
  expect(refreshes(made)).toBe(1);
});

it("dice that throw are no trouble of the store's either [F53]", async () => {
  let thrown = 0;
  let isBroken = false;
  const made = await signedIn({
    random() {
      if (!isBroken) return 0.5;
      isBroken = false;
      thrown += 1;
      throw new RangeError("a bug");
    },
  });
  const { vault, api, clock } = made;
  const { refresh } = api;
  await clock.advance(HOUR);
  api.refresh = () => {
    isBroken = true;
    return reply(503, {});
  };
  expect(await within(clock, MINUTE, outcome(vault.getToken()))).toBe(TOLD);
  expect(thrown).toBe(1);
  expectNobodysTrouble(made);
  api.refresh = refresh;
  expect(await within(clock, MINUTE, outcome(vault.getToken()))).toBe("access-2-secret");
  expectNobodysTrouble(made);
});
