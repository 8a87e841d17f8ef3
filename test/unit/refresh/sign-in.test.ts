/**
 * A sign-in that meets something else in flight: a refresh of the session before it, a sign-out that the
 * store did not take, the removal of the account.
 */
import "fake-indexeddb/auto";
import { describe, expect, it } from "vitest";
import { encrypted } from "../../../src/stores/encrypted.ts";
import { indexedDbStore } from "../../../src/stores/indexeddb.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import type { TokenStore } from "../../../src/types.ts";
import { type ManualClock, manualClock } from "../../support/clock.ts";
import { fakeApi, reply } from "../../support/fake-api.ts";
import { freshDatabase } from "../../support/browser-databases.ts";
import { type Bench, bench, signedIn } from "../../support/vault.ts";
import {
  type Gate,
  gate,
  HOUR,
  MINUTE,
  type OddStore,
  oddStore,
  outcome,
  rest,
  SECOND,
  unhurried,
  within,
} from "./faulty-parts.ts";

const bob = { email: "bob@acme.test", password: "correct-horse-secret" };

const tokens = (user: string): object => ({
  access_token: `access-${user}-secret`,
  refresh_token: `refresh-${user}-secret`,
  expires_in: 3600,
});
const granted = (user: string) => (): Response => reply(200, tokens(user));
const adopted = (clock: ManualClock) => ({
  accessToken: "access-bob-secret",
  refreshToken: "refresh-bob-secret",
  expiresAt: clock.now() + HOUR,
});

/** How a refresh of the session before may end. */
const ends: readonly [string, () => Response][] = [
  ["a grant", granted("alice-2")],
  ["a 503", () => reply(503, {})],
  ["a 429", () => reply(429, {}, { "retry-after": "60" })],
  ["a refusal", () => reply(401, { error: "invalid_grant" })],
  [
    "a network error",
    () => {
      throw new TypeError("fetch failed");
    },
  ],
];

interface Meeting extends Bench {
  readonly refresh: Gate;
  readonly login: Gate;
  readonly waiting: Promise<unknown>;
}

/** Alice's session has expired, and a caller waits for its refresh. */
async function meeting(store: TokenStore = memoryStore()): Promise<Meeting> {
  const clock = manualClock();
  const made = await signedIn({ store, clock });
  const { vault, api } = made;
  const refresh = gate(granted("alice-2"));
  const login = gate(granted("bob"));
  api.refresh = refresh.answer;
  api.login = login.answer;
  await clock.advance(HOUR);
  const waiting = outcome(vault.getToken());
  await rest();
  expect(refresh.arrived).toBe(1);
  return { ...made, clock, refresh, login, waiting };
}

/** Bob is served here and to each context that opens the store anew, and his session is not revoked. */
async function expectBob({ vault, api, clock, store }: Bench): Promise<void> {
  expect(await within(clock, MINUTE, outcome(vault.getToken()))).toBe("access-bob-secret");
  expect(vault.snapshot()).toMatchObject({ status: "signed-in", persisted: true });
  const fresh = bench({ api, clock, store });
  expect(await within(clock, MINUTE, outcome(fresh.vault.getToken()))).toBe("access-bob-secret");
  expect(api.to("/revoke").map(({ body }) => body)).not.toContainEqual(
    expect.stringContaining("bob"),
  );
}

const revoked = ({ api }: Pick<Bench, "api">, what: string): number =>
  api.to("/revoke").filter(({ body }) => body.includes(what)).length;

/** The late grant was stored before bob's session took its place, or it was revoked: it is not dropped. */
function expectNotDropped({ api }: Pick<Bench, "api">, ...stores: readonly OddStore[]): void {
  const isStored = stores
    .flatMap(({ writes }) => writes)
    .some(({ body }) => JSON.stringify(body)?.includes("refresh-alice-2-secret"));
  expect(isStored || revoked({ api }, "refresh-alice-2-secret") === 1).toBe(true);
}

describe("a sign-in while the session before it is being refreshed", () => {
  const orders = [
    ["the refresh's reply first", "refresh"],
    ["the sign-in's reply first", "login"],
  ] as const;
  const stores = [
    ["memory", (): TokenStore => memoryStore()],
    [
      "sealed memory",
      (): TokenStore => unhurried(encrypted({ ...memoryStore(), keepsKeys: true })),
    ],
    ["IndexedDB", (): TokenStore => unhurried(indexedDbStore({ database: freshDatabase() }))],
  ] as const;
  const cases = stores.flatMap(([where, make]) =>
    orders.flatMap(([order, first]) =>
      ends.map(([end, answer]) => ({ where, make, order, first, end, answer })),
    ),
  );

  it.each(cases)(
    "is what counts, where $end comes in the same task, $order, in $where [F40 P19]",
    async ({ make, first, answer }) => {
      const made = await meeting(make());
      const { vault, refresh, login } = made;
      const signingIn = outcome(vault.signIn(bob));
      await rest();
      const both = [() => refresh.open(answer), () => login.open()];
      for (const reply of first === "refresh" ? both : both.toReversed()) reply();
      await rest();
      expect(await within(made.clock, MINUTE, signingIn)).toBeUndefined();
      await expectBob(made);
    },
  );

  it.each(orders)("drops no late grant, %s [P20 S14]", async (_, first) => {
    const store = oddStore(manualClock());
    const made = await meeting(store);
    const { vault, refresh, login, clock } = made;
    const signingIn = outcome(vault.signIn(bob));
    await rest();
    const both = [() => refresh.open(), () => login.open()];
    for (const reply of first === "refresh" ? both : both.toReversed()) reply();
    await within(clock, MINUTE, signingIn);
    await clock.advance(MINUTE);
    await expectBob(made);
    expectNotDropped(made, store);
  });

  it.each(ends)(
    "by adopt() is what counts, where %s comes meanwhile [F40 P19]",
    async (_, answer) => {
      for (let offset = 0; offset < 6; offset++) {
        const made = await meeting();
        const { vault, refresh, clock } = made;
        // The reply comes some microtasks after, or before, the adoption has begun.
        const adopting = outcome(vault.adopt(adopted(clock)));
        for (let turn = 0; turn < offset; turn++) await undefined;
        refresh.open(answer);
        expect(await within(clock, MINUTE, adopting)).toBeUndefined();
        await expectBob(made);
      }
    },
  );

  it.each(ends)("by adopt() counts, though %s came just before [F40 P19]", async (_, answer) => {
    for (let offset = 0; offset < 12; offset++) {
      const made = await meeting();
      const { vault, refresh, clock } = made;
      refresh.open(answer);
      for (let turn = 0; turn < offset; turn++) await undefined;
      const adopting = outcome(vault.adopt(adopted(clock)));
      expect(await within(clock, MINUTE, adopting)).toBeUndefined();
      await expectBob(made);
    }
  });

  it.each(orders)(
    "is what counts with replies a millisecond apart on IndexedDB, %s [F40 P19]",
    async (_, first) => {
      for (let turns = 0; turns < 20; turns++) {
        const database = freshDatabase();
        const made = await meeting(unhurried(indexedDbStore({ database })));
        const { vault, refresh, login, clock } = made;
        const signingIn = outcome(vault.signIn(bob));
        await rest();
        const both = [() => refresh.open(), () => login.open()];
        const [one, other] = first === "refresh" ? both : both.toReversed();
        one!();
        // The fake's transactions take some turns each, so that a millisecond lies somewhere in them.
        for (let turn = 0; turn < turns; turn++)
          await new Promise((resolve) => setImmediate(resolve));
        if (turns % 5 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
        other!();
        await rest();
        expect(await within(clock, MINUTE, signingIn)).toBeUndefined();
        await expectBob(made);
      }
    },
  );

  it.each([1, 2, 3, 5, 8, 10, 15, 20, 25, 30, 40])(
    "is what counts on a slow store, with the refresh's reply %i ms after the sign-in's [F40 P19 P20]",
    async (offset) => {
      const clock = manualClock();
      const store = oddStore(clock);
      const made = await signedIn({ store, clock });
      const { vault, api } = made;
      const [refresh, login] = [gate(granted("alice-2")), gate(granted("bob"))];
      api.refresh = refresh.answer;
      api.login = login.answer;
      await clock.advance(HOUR);
      store.delay = 10;
      void outcome(vault.getToken());
      await clock.advance(SECOND);
      expect(refresh.arrived).toBe(1);
      const signingIn = outcome(vault.signIn(bob));
      await clock.advance(20);
      login.open();
      await clock.advance(offset);
      refresh.open();
      expect(await within(clock, MINUTE, signingIn)).toBeUndefined();
      await clock.advance(MINUTE);
      await expectBob(made);
      expectNotDropped(made, store);
    },
  );
});

describe("a sign-in in one tab while another tab refreshes the session before it", () => {
  it.each([0, 5, 9, 10, 11, 15, 19, 20, 21, 25, 30, 35, 40])(
    "is what counts, where the refresh's reply comes %i ms after the sign-in's [F40 P19 P20]",
    async (offset) => {
      const clock = manualClock();
      const api = fakeApi();
      const kept = memoryStore();
      const [one, two] = [oddStore(clock, kept), oddStore(clock, kept)];
      const tab = await signedIn({ api, clock, store: one });
      const other = bench({ api, clock, store: two });
      await clock.advance(HOUR);
      const [refresh, login] = [gate(granted("alice-2")), gate(granted("bob"))];
      api.refresh = refresh.answer;
      api.login = login.answer;
      one.delay = two.delay = 10;
      void outcome(tab.vault.getToken());
      const signingIn = outcome(other.vault.signIn(bob));
      await clock.advance(SECOND);
      expect([refresh.arrived, login.arrived]).toEqual([1, 1]);
      login.open();
      await clock.advance(offset);
      refresh.open();
      expect(await within(clock, MINUTE, signingIn)).toBeUndefined();
      await clock.advance(2 * MINUTE);
      await expectBob({ ...other, api, clock, store: kept });
      // The first to look in the other tab may have been served from memory.
      await within(clock, MINUTE, outcome(tab.vault.getToken()));
      expect(await within(clock, MINUTE, outcome(tab.vault.getToken()))).toBe("access-bob-secret");
      expectNotDropped({ api }, one, two);
    },
  );
});
