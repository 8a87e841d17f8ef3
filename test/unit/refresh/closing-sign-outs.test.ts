/** Sign-outs and `close()`: what was asked for before the end is finished, the server's part too; nothing is begun after it. */
import { describe, expect, it } from "vitest";
import { settle } from "../../support/clock.ts";
import { credentials, reply } from "../../support/fake-api.ts";
import { type Bench, bench } from "../../support/vault.ts";
import { gate, HOUR, MINUTE, odd, outcome, SECOND, testChannel, within } from "./faulty-parts.ts";

const revocations = ({ api }: Pick<Bench, "api">): number => api.to("/revoke").length;

/** Whether a promise has settled by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let is = false;
  void promise.then(() => (is = true));
  await settle();
  return is;
}

describe("a sign-out", () => {
  it("of a vault that has read nothing yet waits for the server, too [S14 P10]", async () => {
    const { api, clock, store } = await odd();
    const revoke = gate(() => reply(200, {}));
    api.revoke = revoke.answer;
    const { vault } = bench({ api, clock, store });
    const leaving = vault.signOut({ untilRevoked: true });
    expect(await isSettled(leaving)).toBe(false);
    expect(revocations({ api })).toBe(1);
    revoke.open();
    await leaving;
    expect(revocations({ api })).toBe(1);
  });

  it.each([0, 10])(
    "that was asked for before close() is revoked, with a store of %i ms [S14 P21]",
    async (delay) => {
      const { vault, api, clock, store } = await odd();
      store.delay = delay;
      const leaving = outcome(vault.signOut());
      const closed = vault[Symbol.asyncDispose]();
      await within(clock, MINUTE, Promise.all([leaving, closed]));
      expect(revocations({ api })).toBe(1);
      store.delay = 0;
      const next = bench({ api, clock, store });
      expect(await outcome(next.vault.getToken())).toBe("no_session");
    },
  );

  it("that a store takes only after close() is revoked all the same [S14 P21]", async () => {
    const { api, clock, store } = await odd();
    const { vault } = bench({ api, clock, store });
    store.isDown = true;
    expect(await within(clock, MINUTE, outcome(vault.signOut()))).toBe("store_unavailable");
    const ended = vault[Symbol.asyncDispose]();
    await clock.advance(3 * SECOND);
    store.isDown = false;
    await within(clock, MINUTE, ended);
    expect(revocations({ api })).toBe(1);
  });

  it("is heard by the server before its vault has ended [S14 P21]", async () => {
    const { vault, api } = await odd();
    const revoke = gate(() => reply(200, {}));
    api.revoke = revoke.answer;
    await vault.signOut();
    const ended = vault[Symbol.asyncDispose]();
    expect(await isSettled(ended)).toBe(false);
    revoke.open();
    await ended;
  });

  it("after close() is told that it comes too late, and changes nothing [P21]", async () => {
    const { vault, api, clock, store } = await odd();
    await vault[Symbol.asyncDispose]();
    const before = store.operations;
    expect(await outcome(vault.signOut())).toBe("closed");
    expect([store.operations, revocations({ api })]).toEqual([before, 0]);
    const next = bench({ api, clock, store });
    expect(await outcome(next.vault.getToken())).toBe("access-1-secret");
  });

  it("that is asked for again and again while the store is away stays one change [P16 P19]", async () => {
    const { vault, api, clock, store } = await odd();
    store.isDown = true;
    for (let times = 0; times < 20; times++)
      expect(await within(clock, MINUTE, outcome(vault.signOut()))).toBe("store_unavailable");
    store.isDown = false;
    store.writes = [];
    await within(clock, MINUTE, vault.signOut());
    expect(store.writes.length).toBe(1);
    expect(revocations({ api })).toBe(1);
  });
});

it("a caller that waits for a store begins no look when its vault is closed [P21]", async () => {
  const { clock, store, api } = await odd();
  const { vault } = bench({ api, clock, store });
  store.isDown = true;
  const call = outcome(vault.getToken());
  await settle();
  await vault[Symbol.asyncDispose]();
  const before = store.operations;
  expect(await within(clock, SECOND, call)).toBe("closed");
  await clock.advance(MINUTE);
  expect(store.operations).toBe(before);
});

it("a removal that was written at last holds nothing any more: no channel, and no refresh [P21 F49]", async () => {
  const channel = testChannel();
  let open = 0;
  const counted: typeof channel = {
    ...channel,
    open(...args) {
      open += 1;
      const port = channel.open(...args);
      return {
        ...port,
        close() {
          open -= 1;
          port.close();
        },
      };
    },
  };
  const made = await odd({ channel: counted });
  const { vault, api, clock, store } = made;
  const names = ["one", "two", "three"];
  for (const account of names) {
    const other = bench({ api, clock, store, account });
    await other.vault.signIn(credentials);
    other.vault.close();
  }
  const before = open;
  store.isDown = true;
  for (const name of names)
    expect(await within(clock, MINUTE, outcome(vault.removeAccount(name)))).toBe(
      "store_unavailable",
    );
  expect(open).toBe(before + names.length);
  store.isDown = false;
  await clock.advance(10 * MINUTE);
  expect(await vault.accounts()).toEqual(["default"]);
  expect(open).toBe(before);
  const again = bench({ api, clock, store, account: "two" });
  await again.vault.signIn(credentials);
  again.vault.close();
  await clock.advance(HOUR);
  channel.say({ type: "changed", sessionId: "x", generation: 1 });
  await clock.advance(MINUTE);
  // The fifth that has signed in: its refresh token is nobody's to spend here.
  expect(api.to("/refresh").filter(({ body }) => body.includes("refresh-5-"))).toEqual([]);
});
