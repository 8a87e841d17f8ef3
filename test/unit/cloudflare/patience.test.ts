/** How long a Worker's call waits for a token: as long as that call has patience, in the object too. */
import { describe, expect, it } from "vitest";
import { readKeys } from "../../../src/cloudflare/keys.ts";
import type { CloudflareVault } from "../../../src/cloudflare/proxy.ts";
import { createOwner, type ObjectOwner } from "../../../src/cloudflare/owner.ts";
import { keyOf, type Need, type Owner } from "../../../src/cloudflare/wire.ts";
import { isVaultError } from "../../../src/errors.ts";
import type { Provider } from "../../../src/types.ts";
import { type ManualClock, manualClock, watchCrypto } from "../../support/clock.ts";
import { durableKv } from "../../support/durable-kv.ts";
import { proxyTo } from "../../support/proxy.ts";

watchCrypto();

/** Its token endpoint answers no refresh. */
const provider = {
  name: "acme",
  origins: ["https://api.acme.example"],
  renewal: { rotation: "strict" },
  signIn: async () => ({
    type: "granted",
    grant: { accessToken: "at-1", refreshToken: "rt-1", expiresIn: 3_600 },
  }),
  renew: () => new Promise(() => {}),
} as unknown as Provider<never>;

const session = { provider: "acme", account: "a", key: keyOf(provider, "a") };

function objectOf(clock: ManualClock, patience: number | undefined): ObjectOwner {
  const kv = durableKv(new Map());
  const storage = {
    transactionSync: <T>(task: () => T): T => task(),
    sync: async () => {},
    kv,
    getAlarm: async () => null,
    setAlarm: async () => {},
    deleteAll: async () => {},
    deleteAlarm: async () => {},
  };
  return createOwner(
    { id: { toString: () => "id" }, waitUntil: (work) => void work.catch(() => {}), storage },
    {
      providers: { acme: provider },
      keys: readKeys(`k1:${btoa("0123456789abcdef0123456789abcdef")}`, {}),
      kv: undefined,
      clock,
      random: () => 0.5,
      ...(patience !== undefined && { patience }),
    },
  );
}

interface Stage {
  readonly clock: ManualClock;
  readonly object: ObjectOwner;
  readonly vault: (patience: number) => CloudflareVault;
  /** How a call ends, and after how many milliseconds. */
  readonly ended: (call: Promise<unknown>) => Promise<unknown[]>;
}

/** A session whose token has come to its end. */
async function stage(patience?: number): Promise<Stage> {
  const clock = manualClock();
  const object = objectOf(clock, patience);
  await clock.until(object.signIn(session, {}, {}));
  await clock.advance(3_600_000);
  return {
    clock,
    object,
    vault: (patience) => proxyTo(() => object as Owner, provider, { clock, patience }),
    async ended(call) {
      const since = clock.running();
      const code = (error: unknown): unknown => (isVaultError(error) ? error.code : error);
      const end = await clock.until(call.then(() => "token", code));
      return [end, clock.running() - since];
    },
  };
}

describe("a call whose token endpoint is silent", () => {
  it.each([
    [3_000, undefined],
    [20_000, undefined],
    [60_000, undefined],
    [3_000, 40_000],
    [60_000, 1_000],
    [3_000, Infinity],
  ])(
    "has no token within its patience of %d ms: the object, whose own is %s, says so [P10]",
    async (patience, own) => {
      const { vault, ended } = await stage(own);
      expect(await ended(vault(patience).getToken())).toEqual(["refresh_failed", patience]);
    },
  );

  it("has one patience for the times that it waited before, too [F51 P10]", async () => {
    const { clock, object, vault, ended } = await stage();
    const token = object.token.bind(object);
    let isSlow = true;
    object.token = async (name, need: Need) => {
      if (isSlow) await new Promise<void>((resolve) => clock.setTimeout(resolve, 2_000));
      // The first question is lost, as in a reset.
      const wasSlow = isSlow;
      isSlow = false;
      if (wasSlow) throw new Error("reset");
      return token(name, need);
    };
    const [end, took] = await ended(vault(3_000).getToken());
    expect(end).toBe("refresh_failed");
    expect(took).toBe(3_000);
  });

  it.each([-1, NaN, "3000", null, undefined])(
    "of a Worker that says %j of its patience, is waited for as the object's own has it [S10]",
    async (patience) => {
      const { object, ended } = await stage(7_000);
      const call = object.token(session, { patience } as Need).then((said) => {
        if (said.error) throw Object.assign(new Error(), { code: said.error.code });
      });
      const [, took] = await ended(call);
      expect(took).toBe(7_000);
    },
  );
});
