/** What is told: the difference that a piece of news has made. */
import { describe, expect, it } from "vitest";
import { toRecord } from "../../../src/guard/record.ts";
import { happenings, refusalOf } from "../../../src/refresh/events.ts";
import type { Knowledge, News } from "../../../src/refresh/knowledge.ts";
import { learn } from "../../../src/refresh/learn.ts";
import type { Session, StoredRecord } from "../../../src/types.ts";
import {
  at,
  begin,
  conclude,
  end,
  granted,
  heard,
  intent,
  knownOf,
  named,
  nothing,
  read,
  START,
  tombstone,
} from "./known-sessions.ts";

const T = START;
const a = named("a");
const b = named("b");

/** What is told of that news: types with the session's name and generation, and a status if there is one. */
function told(known: Knowledge, news: News): string[] {
  const all = happenings(known, news, learn(known, news, at(T)));
  return all.map(({ type, session, status }) =>
    [type, session && `${session.sessionId}${session.generation}`, status]
      .filter((part) => part !== undefined)
      .join(" "),
  );
}

const failed: News = { type: "store-failed", error: undefined };
const next = (generation: number, more: Partial<Session> = {}): Session => ({
  ...a,
  generation,
  revision: 10 + generation,
  tokenSet: { ...a.tokenSet, accessToken: `access-${generation}` },
  ...more,
});
const over = (outcome: "granted" | "refused" | "trouble", more: object = {}): News => ({
  type: "ended",
  outcome,
  sessionId: "a",
  isOffline: false,
  jitter: 0.5,
  ...more,
});
/** A record that was tampered with, or whose key is gone. */
const closed = (is: Session): News => {
  const { body: _, ...record }: StoredRecord = toRecord(is);
  return { type: "read", record, askedAt: 0 };
};

describe("a session", () => {
  it("whose refusal was told is not told of again when it is met after another one's [P9]", () => {
    const refusedA = { ...a, refused: true as const };
    const refusedB = { ...b, refused: true as const, revision: 9 };
    const first = read(refusedA, T);
    expect(told(nothing(), first)).toEqual(["refused a3"]);
    const known = heard(nothing(), [T, first]);
    const second = read(refusedB, T);
    expect(told(known, second).filter((one) => one.startsWith("refused"))).toEqual(["refused b3"]);
    const later = read({ ...refusedA, revision: 20 }, T);
    const again = told(heard(known, [T, second]), later);
    expect(again.filter((one) => one.startsWith("refused"))).toEqual([]);
  });

  it("that is read for the first time is no event [P9]", () => {
    expect(told(nothing(), read(a, T))).toEqual([]);
    expect(told(nothing(), read(undefined, T))).toEqual([]);
  });

  it("that has ended elsewhere is signed out, by its own name [P4]", () => {
    expect(told(knownOf(a, T), read(tombstone("a", T), T))).toEqual(["signed-out a3"]);
    expect(told(knownOf(a, T), read(undefined, T))).toEqual(["signed-out a3"]);
  });

  it("that was signed out here is told at once, and not again when it is written [F46 P4]", () => {
    const ending: News = { type: "changed", change: end(["a"], T) };
    const known = knownOf(a, T);
    expect(told(known, ending)).toEqual(["signed-out a3"]);
    const after = heard(known, [T, ending]);
    const record = tombstone("a", T);
    expect(told(after, { type: "written", record, changes: after.changes, askedAt: 0 })).toEqual(
      [],
    );
    expect(told(after, { type: "changed", change: end(["a"], T) })).toEqual([]);
  });

  it("that another has taken the place of has ended; the sign-in is told by its own news [P4 P19 S19]", () => {
    expect(told(knownOf(a, T), read(b, T))).toEqual(["signed-out a3"]);
    expect(told(knownOf(b, T), { type: "started", sessionId: "b" })).toEqual(["signed-in b3"]);
  });
});

describe("a generation", () => {
  it("that was refreshed here is told so, and elsewhere as adopted [P9 P12]", () => {
    const known = heard(knownOf(a, T), [T, over("granted", { accessToken: "access-4" })]);
    expect(told(known, read(next(4), T))).toEqual(["refreshed a4"]);
    expect(told(known, read(next(4, { tokenSet: b.tokenSet }), T))).toEqual(["adopted a4"]);
    expect(told(knownOf(a, T), read(next(4), T))).toEqual(["adopted a4"]);
  });

  it("that is served from memory, because the store has not taken it, is told once [P7]", () => {
    const by = intent(T);
    const noted = heard(
      knownOf({ ...a, intent: by }, T),
      [T, over("granted", { accessToken: "access-new" })],
      [T, { type: "changed", change: conclude("a", granted("new", T, by)) }],
    );
    expect(told(noted, { type: "unpersisted" })).toEqual(["unpersisted a4", "refreshed a4"]);
    const held = heard(noted, [T, { type: "unpersisted" }]);
    expect(told(held, { type: "unpersisted" })).toEqual([]);
  });

  it("that is the same, with another revision, is no event [P9]", () => {
    expect(told(knownOf(a, T), read({ ...a, revision: 8 }, T))).toEqual([]);
  });

  it("is never told backwards [P3]", () => {
    expect(
      told(knownOf(a, T, { atomic: false }), read({ ...a, generation: 2, revision: 3 }, T)),
    ).toEqual([]);
    expect(told(knownOf(a, T), read({ ...a, generation: 2, revision: 3 }, T))).toEqual([]);
  });
});

describe("an exchange", () => {
  it("that begins is told, with the session it is for [P9]", () => {
    const news: News = { type: "refreshing", causedBy: undefined };
    expect(told(knownOf(a, T), news)).toEqual(["refreshing a3"]);
  });

  it("that ends in trouble is told with the status of that very reply [F56]", () => {
    const known = knownOf(a, T);
    expect(told(known, over("trouble", { status: 503 }))).toEqual(["trouble a3 503"]);
    const after = heard(known, [T, over("trouble", { status: 503 })]);
    expect(told(after, over("trouble"))).toEqual(["trouble a3"]);
  });

  it("that ends in trouble after its session did is nobody's [F103]", () => {
    expect(told(knownOf(b, T), over("trouble", { status: 503 }))).toEqual([]);
  });

  it("that is granted or refused tells nothing by itself [F9 P7]", () => {
    expect(told(knownOf(a, T), over("granted", { accessToken: "access-4" }))).toEqual([]);
    expect(told(knownOf(a, T), over("refused", { status: 400 }))).toEqual([]);
  });
});

describe("a refusal", () => {
  const refused = { ...a, refused: true, revision: 8 };

  it("that was heard here is told once, with its status [P9 F56]", () => {
    const known = heard(knownOf(a, T), [T, over("refused", { status: 400 })]);
    expect(told(known, read(refused, T))).toEqual(["refused a3 400"]);
    const after = heard(known, [T, read(refused, T)]);
    expect(told(after, { type: "helpless" })).toEqual([]);
    expect(told(after, read({ ...refused, revision: 9 }, T))).toEqual([]);
  });

  it("that another context has heard is told without one [P9 F56]", () => {
    expect(told(knownOf(a, T), read(refused, T))).toEqual(["refused a3"]);
  });

  it("has no status of an earlier session's, nor of trouble [F56]", () => {
    const known = heard(knownOf(a, T), [T, over("refused", { status: 400 })], [T, read(b, T)]);
    expect(refusalOf(known).status).toBeUndefined();
    const troubled = heard(knownOf(a, T), [T, over("trouble", { status: 503 })]);
    expect(refusalOf(troubled).status).toBeUndefined();
    expect(refusalOf(nothing()).status).toBeUndefined();
  });

  it("is what a caller is told who can only sign in again [P9]", () => {
    const news: News = { type: "helpless" };
    expect(told(knownOf(a, T), news)).toEqual(["refused a3"]);
    expect(told(nothing(), news)).toEqual([]);
  });
});

describe("the store", () => {
  it("that fails is told once, until it has answered [P16]", () => {
    const known = knownOf(a, T);
    expect(told(known, failed)).toEqual(["store-trouble a3"]);
    const down = heard(known, [T, failed]);
    expect(told(down, failed)).toEqual([]);
    expect(told(heard(down, [T, read(a, T)]), failed)).toEqual(["store-trouble a3"]);
    expect(told(nothing(), failed)).toEqual(["store-trouble"]);
  });

  it("that does not take a sign-in leaves it unpersisted, and that is told once [P16 P7]", () => {
    const known = heard(nothing(), [T, { type: "changed", change: begin(b, T) }]);
    expect(told(known, { type: "unpersisted" })).toEqual(["unpersisted b3"]);
    expect(told(heard(known, [T, { type: "unpersisted" }]), { type: "unpersisted" })).toEqual([]);
    expect(told(nothing(), { type: "unpersisted" })).toEqual([]);
  });
});

describe("a record that cannot be opened", () => {
  it("is told once, and its session is gone [S8]", () => {
    expect(told(nothing(), closed(a))).toEqual(["unreadable"]);
    expect(told(heard(nothing(), [T, closed(a)]), closed(a))).toEqual([]);
    expect(told(heard(nothing(), [T, closed(a)]), closed({ ...a, revision: 8 }))).toEqual([
      "unreadable",
    ]);
  });

  it("is told where it could be opened before, and nobody has written it since [S8]", () => {
    expect(told(knownOf(a, T), closed(a))).toEqual(["unreadable", "signed-out a3"]);
  });

  it("is told of another session too, though its revision is the same [S8]", () => {
    expect(told(heard(nothing(), [T, closed(a)]), closed(b))).toEqual(["unreadable"]);
  });

  it("is nothing to those who have ended it, nor is a tombstone [S8 P4]", () => {
    const known = heard(knownOf(a, T), [T, { type: "changed", change: end(["a"], T) }]);
    expect(told(known, closed({ ...a, revision: 8 }))).toEqual([]);
    expect(told(nothing(), read(tombstone("a", T), T))).toEqual([]);
  });
});
