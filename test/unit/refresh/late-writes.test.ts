/** Stores that give up by a deadline of their own, and do all the same what was asked: later. */
import { describe, expect, it } from "vitest";
import { VaultError } from "../../../src/errors.ts";
import { inTime } from "../../../src/guard/stored.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import type { TokenStore } from "../../../src/types.ts";
import { acme, credentials } from "../../support/fake-api.ts";
import { type ManualClock, manualClock } from "../../support/clock.ts";
import { bench, type Bench, refreshes } from "../../support/vault.ts";
import { gate, HOUR, MINUTE, outcome, SECOND, within } from "./faulty-parts.ts";

/** A database whose commits hang: they are told as overdue after 4 s, and done when it is released. */
interface Hanging {
  readonly store: TokenStore;
  isHanging: boolean;
  /** Later writes are refused at once: a pool has no connection left. */
  isRefusing: boolean;
  release(): Promise<void>;
}

function hangingStore(clock: ManualClock): Hanging {
  const inner = memoryStore();
  const waiting: (() => Promise<unknown>)[] = [];
  const self: Hanging = {
    isHanging: false,
    isRefusing: false,
    store: {
      ...inner,
      async write(...change) {
        if (self.isRefusing) throw new Error("too many connections");
        if (!self.isHanging) return inner.write(...change);
        waiting.push(() => inner.write(...change));
        await new Promise<void>((resolve) => clock.setTimeout(resolve, 4 * SECOND));
        throw new VaultError("store_unavailable", undefined, { reason: "timed_out" });
      },
    },
    async release() {
      self.isHanging = self.isRefusing = false;
      for (const write of waiting.splice(0)) await write();
    },
  };
  return self;
}

type Late = Bench & Hanging & { readonly other: () => Bench };

/** Signed in while the store's commits hang: memory serves it. */
async function signedInLate(login?: () => Response): Promise<Late> {
  const clock = manualClock();
  const hanging = hangingStore(clock);
  const common = { clock, store: hanging.store, provider: acme() };
  const made = bench(common);
  hanging.isHanging = true;
  if (login) made.api.login = login;
  await within(clock, 10 * SECOND, made.vault.signIn(credentials));
  expect(made.vault.snapshot()).toMatchObject({ status: "signed-in", persisted: false });
  return Object.assign(hanging, made, { other: () => bench({ ...common, api: made.api }) });
}

/** As the fake API's grants, with a minute to live. */
const ofAMinute = (): Response =>
  Response.json({
    access_token: "access-1-secret",
    refresh_token: "refresh-1-secret",
    expires_in: 60,
  });

describe("a sign-in that the store takes later than it says", () => {
  it("does not outlive a sign-out that finds nothing yet [P4 P19]", async () => {
    const made = await signedInLate();
    const { vault, clock, other } = made;
    // A look that finds nothing says nothing of what is still on its way.
    await within(clock, SECOND, vault.getToken());
    const late = made.release;
    made.isHanging = false;
    await within(clock, SECOND, vault.signOut());
    await late();
    expect(await within(clock, SECOND, outcome(other().vault.getToken()))).toBe("no_session");
  });

  /** No refresh while the store has not answered; then one, by whoever reads the record first. */
  async function expectSpentOnce({ vault, clock, other, api, release }: Late): Promise<void> {
    const call = outcome(vault.getToken());
    await clock.advance(25 * SECOND);
    expect(await call).toBe("store_unavailable");
    expect(refreshes({ api })).toBe(0);
    await release();
    const token = await within(clock, 10 * SECOND, other().vault.getToken());
    expect(await within(clock, 10 * SECOND, vault.getToken())).toBe(token);
    expect(refreshes({ api })).toBe(1);
  }

  it("is not spent from memory, though a later write is refused at once [P2 P5]", async () => {
    const made = await signedInLate(ofAMinute);
    made.isRefusing = true;
    await made.clock.advance(MINUTE);
    await expectSpentOnce(made);
  });

  it("has its refresh token spent once, by whoever reads it then [P2 P5]", async () => {
    const made = await signedInLate();
    await made.clock.advance(HOUR);
    await expectSpentOnce(made);
  });
});

/** Its writes are rejected at once, with certainty, and it can be read: a full disk. */
function fullStore(clock: ManualClock) {
  const store = memoryStore();
  const self = { ...store, isLate: false };
  self.write = async () => {
    if (self.isLate) {
      await new Promise<void>((resolve) => clock.setTimeout(resolve, 4 * SECOND));
      throw new VaultError("store_unavailable", undefined, { reason: "timed_out" });
    }
    throw new Error("quota exceeded");
  };
  return self;
}

it("a full store that was late once keeps no session in memory from being refreshed [P16 P17]", async () => {
  const clock = manualClock();
  const store = fullStore(clock);
  const { vault, api } = bench({ clock, store, provider: acme() });
  await within(clock, SECOND, vault.signIn(credentials));
  store.isLate = true;
  await clock.advance(10 * SECOND);
  store.isLate = false;
  // Its next retry is rejected with certainty.
  await clock.advance(HOUR);
  expect(await within(clock, 20 * SECOND, vault.getToken())).toBe("access-2-secret");
  await clock.advance(HOUR);
  expect(await within(clock, 20 * SECOND, vault.getToken())).toBe("access-3-secret");
  expect(refreshes({ api })).toBe(2);
});

it("a late grant that comes while a full store is tried again is refreshed in its turn [P17 P20]", async () => {
  const clock = manualClock();
  const store = fullStore(clock);
  const { vault, api } = bench({ clock, store, provider: acme() });
  await within(clock, SECOND, vault.signIn(credentials));
  const { refresh } = api;
  const late = gate(refresh);
  api.refresh = late.answer;
  await clock.advance(HOUR - 5 * MINUTE);
  expect(late.arrived).toBe(1);
  const { write } = store;
  let isWriting = false;
  store.write = async (...change) => {
    isWriting = true;
    await new Promise<void>((resolve) => clock.setTimeout(resolve, SECOND));
    isWriting = false;
    return write(...change);
  };
  for (let steps = 0; !isWriting && steps < 600; steps++) await clock.advance(SECOND / 2);
  late.open();
  await clock.advance(10 * SECOND);
  expect(await within(clock, SECOND, vault.getToken())).toBe("access-2-secret");
  api.refresh = refresh;
  await clock.advance(HOUR);
  expect(await within(clock, 20 * SECOND, vault.getToken())).toBe("access-3-secret");
});

it("a sign-in without compare-and-set that failed is ended by a sign-out that finds nothing [P4 P19]", async () => {
  const clock = manualClock();
  const inner = memoryStore();
  let late: (() => Promise<unknown>) | undefined;
  const store: TokenStore = {
    ...inner,
    atomic: false,
    shared: "everywhere",
    async write(...change) {
      if (late) return inner.write(...change);
      late = () => inner.write(change[0], change[1], undefined);
      throw new Error("overloaded");
    },
  };
  const provider = acme({ rotation: "none" });
  const { vault, api } = bench({ clock, store, provider });
  await within(clock, 10 * SECOND, vault.signIn(credentials));
  await within(clock, 10 * SECOND, vault.signOut());
  const other = bench({ clock, store, provider, api });
  expect(await within(clock, 30 * SECOND, outcome(other.vault.getToken()))).toBe("no_session");
  const [name] = await inner.list("");
  expect(await inner.head(name ?? "")).toMatchObject({ tombstone: true });
});

describe("a store's operation", () => {
  const explain = () => ["the disk is full"] as const;

  it("that has not ended in time says so: it may still happen [F26]", async () => {
    const never = inTime(1, () => new Promise<never>(() => {}), explain);
    await expect(never).rejects.toMatchObject({ code: "store_unavailable", reason: "timed_out" });
  });

  it("that has failed says nothing of the kind [F26]", async () => {
    const failing = inTime(1_000, () => Promise.reject(new Error("no")), explain);
    await expect(failing).rejects.toMatchObject({ code: "store_unavailable", reason: undefined });
  });
});
