/** What a sign-out or a removal leaves behind, where a sign-in comes in between. */
import { describe, expect, it } from "vitest";
import { memoryStore } from "../../../src/stores/memory.ts";
import type { TokenStore } from "../../../src/types.ts";
import { type ManualClock, manualClock } from "../../support/clock.ts";
import { acme, credentials, fakeApi, reply } from "../../support/fake-api.ts";
import { type Bench, bench, signedIn, VMS } from "../../support/vault.ts";
import {
  HOUR,
  MINUTE,
  type OddStore,
  oddStore,
  outcome,
  rest,
  SECOND,
  within,
} from "./faulty-parts.ts";

const bob = { email: "bob@acme.test", password: "correct-horse-secret" };

const granted = (user: string) => (): Response =>
  reply(200, {
    access_token: `access-${user}-secret`,
    refresh_token: `refresh-${user}-secret`,
    expires_in: 3600,
  });

const adopted = (clock: ManualClock) => ({
  accessToken: "access-bob-secret",
  refreshToken: "refresh-bob-secret",
  expiresAt: clock.now() + HOUR,
});

const revoked = ({ api }: Pick<Bench, "api">, what: string): number =>
  api.to("/revoke").filter(({ body }) => body.includes(what)).length;

describe("a sign-out that the store did not take", () => {
  interface Down extends Bench {
    readonly store: OddStore;
    readonly out: Promise<unknown>;
    readonly adopting: Promise<unknown>;
  }

  /** A sign-out while the store is down, then an adoption that nobody waits for; then the store is up. */
  async function down(isAwaited: boolean, upAfter: () => Promise<void>): Promise<Down> {
    const clock = manualClock();
    const store = oddStore(clock);
    const made = await signedIn({ store, clock });
    const { vault } = made;
    store.isDown = true;
    const out = outcome(vault.signOut());
    if (isAwaited) expect(await within(clock, MINUTE, out)).toBe("store_unavailable");
    const adopting = outcome(vault.adopt(adopted(clock)));
    await upAfter();
    store.isDown = false;
    return { ...made, store, out, adopting };
  }

  async function reloaded({ api, clock, store }: Bench): Promise<unknown> {
    const fresh = bench({ api, clock, store });
    return within(clock, MINUTE, outcome(fresh.vault.getToken()));
  }

  const cases = [true, false].flatMap((isAwaited) =>
    (["at once", "a little later"] as const).map((when) => ({
      isAwaited,
      after: isAwaited ? "after the sign-out has failed" : "before the sign-out has failed",
      when,
      upAfter: when === "at once" ? async (): Promise<void> => {} : rest,
    })),
  );

  it.each(cases)(
    "ends the old session all the same, where adopt() comes $after and the store is up $when [F41 P19]",
    async ({ isAwaited, upAfter }) => {
      const made = await down(isAwaited, upAfter);
      const { vault, clock, adopting } = made;
      await within(clock, MINUTE, adopting);
      expect(await within(clock, MINUTE, outcome(vault.getToken()))).toBe("access-bob-secret");
      await clock.advance(5 * MINUTE);
      expect(await reloaded(made)).toBe("access-bob-secret");
      expect(revoked(made, "refresh-1-secret")).toBe(1);
    },
  );

  it.each(cases)(
    "ends it before the vault is disposed of, where adopt() comes $after and the store is up $when [F41 P19 P21]",
    async ({ isAwaited, upAfter }) => {
      const made = await down(isAwaited, upAfter);
      const { vault, clock } = made;
      await within(clock, MINUTE, vault[Symbol.asyncDispose]());
      expect(await reloaded(made)).toBe("access-bob-secret");
    },
  );

  it.each([0, 5, 9, 15])(
    "does not resolve where it has left nothing, though an adoption came %i ms after it [F41 P19]",
    async (offset) => {
      const clock = manualClock();
      const store = oddStore(clock);
      const made = await signedIn({ store, clock });
      store.delay = 10;
      store.isDown = true;
      const out = outcome(made.vault.signOut());
      await clock.advance(offset);
      void outcome(made.vault.adopt(adopted(clock)));
      // Before anything is tried again.
      expect(await within(clock, 900, out)).toBe("store_unavailable");
    },
  );

  it("ends the old session though the sign-in after it fails [F41 P19]", async () => {
    const clock = manualClock();
    const store = oddStore(clock);
    const made = await signedIn({ store, clock });
    const { vault, api } = made;
    store.isDown = true;
    void outcome(vault.signOut());
    api.login = () => reply(401, {});
    expect(await within(clock, MINUTE, outcome(vault.signIn(bob)))).toBe("credentials_refused");
    store.isDown = false;
    await clock.advance(5 * MINUTE);
    const late = bench({ api, clock, store });
    expect(await within(clock, MINUTE, outcome(late.vault.getToken()))).toBe("no_session");
  });

  it("resolves as soon as its tombstone stands, though the sign-in behind it cannot be stored [P19]", async () => {
    const clock = manualClock();
    const inner = memoryStore();
    let isFull = false;
    const write: TokenStore["write"] = async (key, next, expected) => {
      await new Promise<void>((resolve) => clock.setTimeout(resolve, 100));
      if (isFull && next?.body !== undefined) throw new Error("full");
      return inner.write(key, next, expected);
    };
    const made = bench({ store: { ...inner, write }, clock });
    const { vault, api } = made;
    await within(clock, MINUTE, vault.signIn(credentials));
    isFull = true;
    const out = outcome(vault.signOut());
    await clock.advance(10);
    api.login = granted("bob");
    void outcome(vault.signIn(bob));
    expect(await within(clock, MINUTE, out)).toBeUndefined();
    expect(vault.snapshot()).toMatchObject({ status: "signed-in", persisted: false });
  });

  it("does not end what was begun elsewhere later [P19]", async () => {
    const clock = manualClock();
    const store = oddStore(clock);
    const made = await signedIn({ store, clock });
    const { vault, api } = made;
    const inner = bench({ api, clock, store: { ...store } });
    store.isDown = true;
    expect(await within(clock, MINUTE, outcome(vault.signOut()))).toBe("store_unavailable");
    await clock.advance(SECOND);
    store.isDown = false;
    api.login = granted("bob");
    await within(clock, MINUTE, inner.vault.signIn(bob));
    await clock.advance(5 * MINUTE);
    const late = bench({ api, clock, store });
    expect(await within(clock, MINUTE, outcome(late.vault.getToken()))).toBe("access-bob-secret");
  });
});

describe("an account that was removed", () => {
  /** A sign-in of one context waits for its retry while another removes the account. */
  async function removed(): Promise<Bench & { isDown(is: boolean): void; other: Bench }> {
    const clock = manualClock();
    const kept = memoryStore();
    const odd = oddStore(clock, kept);
    const made = await signedIn({ store: odd, clock });
    const { vault, api } = made;
    await clock.advance(SECOND);
    odd.isDown = true;
    api.login = granted("bob");
    expect(await within(clock, MINUTE, outcome(vault.signIn(bob)))).toBeUndefined();
    expect(vault.snapshot().persisted).toBe(false);
    await clock.advance(SECOND);
    const other = bench({ api, clock, store: kept, account: "elsewhere" });
    await within(clock, MINUTE, other.vault.removeAccount("default"));
    return { ...made, other, isDown: (is) => void (odd.isDown = is) };
  }

  it("does not come back by a sign-in that was begun before, and is tried again after [F49 P4]", async () => {
    const { vault, clock, api, other, isDown } = await removed();
    isDown(false);
    await clock.advance(10 * MINUTE);
    expect(await other.vault.accounts()).toEqual([]);
    const late = bench({ api, clock, store: other.store });
    expect(await within(clock, MINUTE, outcome(late.vault.getToken()))).toBe("no_session");
    expect(await within(clock, MINUTE, outcome(vault.getToken()))).toBe("no_session");
    // P20: what the server gave is not left behind.
    expect(revoked({ api }, "refresh-bob-secret")).toBe(1);
  });

  it("comes back by a sign-in that was begun after [F49 P19]", async () => {
    const { clock, api, other, isDown } = await removed();
    await clock.advance(SECOND);
    const late = bench({ api, clock, store: other.store });
    api.login = granted("carol");
    await within(clock, MINUTE, late.vault.signIn(credentials));
    isDown(false);
    await clock.advance(10 * MINUTE);
    expect(await within(clock, MINUTE, outcome(late.vault.getToken()))).toBe("access-carol-secret");
    expect(await other.vault.accounts()).toEqual(["default"]);
  });

  it("is not listed by any context, and another account stays [F49 S14]", async () => {
    const clock = manualClock();
    const store = memoryStore();
    const api = fakeApi();
    const [one, two] = [
      await signedIn({ api, clock, store, provider: acme(), account: "one" }),
      await signedIn({ api, clock, store, provider: acme(), account: "two" }),
    ];
    await two.vault.removeAccount("one");
    for (const { vault } of [one, two]) expect(await vault.accounts()).toEqual(["two"]);
    expect((await two.vault.fetch(VMS)).status).toBe(200);
    expect(await within(clock, MINUTE, outcome(one.vault.removeAccount("one")))).toBeUndefined();
  });
});
