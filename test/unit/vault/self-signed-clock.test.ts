/** A token that is signed here hangs on the clock here: the server's time is learned from its 401. */
import { describe, expect, it } from "vitest";
import { createVault, type Vault } from "../../../src/index.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import type { Outcome, Provider, TokenStore } from "../../../src/types.ts";
import { type ManualClock, manualClock } from "../../support/clock.ts";
import { type FakeApi, fakeApi, jwt, ORIGIN, reply } from "../../support/fake-api.ts";
import { rejection, VMS } from "../../support/vault.ts";

const HOUR = 3_600_000;

/** Signs its time and nothing else. */
function signer(): Provider<void> {
  const sign = async (now: number): Promise<Outcome> => ({
    type: "granted",
    grant: { accessToken: jwt({ iat: now / 1_000, exp: (now + HOUR) / 1_000 }), expiresIn: 3_600 },
  });
  return {
    name: "signer",
    origins: [ORIGIN],
    renewal: { rotation: "none", needsRefreshToken: false, selfSigned: true },
    signIn: (_, { now }) => sign(now()),
    renew: (_, { now }) => sign(now()),
  };
}

interface Bench {
  readonly vault: Vault<void>;
  readonly api: FakeApi;
  readonly clock: ManualClock;
  readonly store: TokenStore;
}

/** A client whose clock is `skew` behind the server's. */
function bench(
  skew: number,
  { shows = true, clock = manualClock(), store = memoryStore() } = {},
): Bench {
  const api = fakeApi();
  const server = (): number => clock.now() + skew;
  api.api = ({ headers }) => {
    const [, part] = headers.get("authorization")!.split(".");
    const { iat, exp } = JSON.parse(atob(part!)) as { iat: number; exp: number };
    const accepted = iat * 1_000 <= server() + 5_000 && server() < exp * 1_000;
    const date = new Date(server()).toUTCString();
    return reply(accepted ? 200 : 401, {}, shows ? { date } : {});
  };
  const vault = createVault({ provider: signer(), store, clock, fetch: api.fetch });
  return { vault, api, clock, store };
}

describe("a self-signed token", () => {
  it.each([-23 * HOUR, -2 * HOUR, 2 * HOUR, 23 * HOUR])(
    "with a clock %d ms off is signed anew with the server's time [F16]",
    async (skew) => {
      const { vault, api } = bench(skew);
      await vault.signIn();
      expect((await vault.fetch(VMS)).status).toBe(200);
      expect(api.calls).toHaveLength(2);
    },
  );

  it.each([-25 * HOUR, 173 * 365 * 24 * HOUR])(
    "a Date that is %d ms off sets no clock: no JWT is signed that is good till then [F64]",
    async (skew) => {
      const { vault, api, clock } = bench(skew);
      await vault.signIn();
      await vault.fetch(VMS).catch(() => {});
      expect(api.calls.length).toBeGreaterThan(0);
      for (const { headers } of api.calls) {
        const [, part] = headers.get("authorization")!.split(".");
        const { exp } = JSON.parse(atob(part!)) as { exp: number };
        expect(exp * 1_000).toBe(clock.now() + HOUR);
      }
    },
  );

  it("what was learned holds for later tokens, and after a restart [F16]", async () => {
    const { vault, api, clock, store } = bench(2 * HOUR);
    await vault.signIn();
    await vault.fetch(VMS);
    await clock.advance(HOUR + 1);
    expect((await vault.fetch(VMS)).status).toBe(200);
    expect(api.calls).toHaveLength(3);

    const later = bench(2 * HOUR, { clock, store });
    await clock.advance(HOUR + 1);
    expect((await later.vault.fetch(VMS)).status).toBe(200);
    expect(later.api.calls).toHaveLength(1);
  });

  it("that was being signed while the time came in is excused, too: its endpoint is not paused [F16 P13]", async () => {
    const { vault, api, clock } = bench(2 * HOUR);
    await vault.signIn();
    // The 401 of the first call is on its way when the soft time comes and a token is signed.
    const answer = api.api;
    let open = (): void => {};
    const gate = new Promise<void>((resolve) => (open = resolve));
    api.api = async (call, ordinal) => {
      await gate;
      return answer(call, ordinal);
    };
    const first = vault.fetch(VMS);
    await clock.advance(0.9 * HOUR);
    const behind = vault.fetch(VMS);
    await clock.advance(0);
    open();
    await Promise.all([first, behind]);
    api.api = answer;
    await clock.advance(10_000);
    expect((await vault.fetch(VMS)).status).toBe(200);
  });

  it("where the server's time is not visible, a typed error names the clock [F16]", async () => {
    const { vault, api } = bench(2 * HOUR, { shows: false });
    await vault.signIn();
    expect(await rejection(vault.fetch(VMS))).toMatchObject({ code: "clock_unknown", status: 401 });
    expect(api.calls.length).toBeLessThanOrEqual(2);
  });

  it("its session stays, and works once the clock is right [P17]", async () => {
    const { vault, clock, api } = bench(0, { shows: false });
    await vault.signIn();
    expect((await vault.fetch(VMS)).status).toBe(200);
    const { api: right } = api;
    api.api = () => reply(401, {});
    await rejection(vault.fetch(VMS));
    api.api = right;
    await clock.advance(61_000);
    expect((await vault.fetch(VMS)).status).toBe(200);
    expect(vault.snapshot().status).toBe("signed-in");
  });

  it("a 401 that is not about time is an answer", async () => {
    const { vault, api } = bench(0);
    await vault.signIn();
    api.api = () => reply(401, {}, { date: new Date(1_800_000_000_000).toUTCString() });
    expect((await vault.fetch(VMS)).status).toBe(401);
  });
});
