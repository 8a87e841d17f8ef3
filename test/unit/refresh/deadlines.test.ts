/** How long each exchange of a provider may take, as docs/providers.md says. */
import { describe, expect, it } from "vitest";
import { createVault, type Exchange, type Provider } from "../../../src/index.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { manualClock } from "../../support/clock.ts";

const MINUTE = 60_000;

/** After how many milliseconds each exchange of a provider was aborted that never comes to an end. */
async function deadlinesOf(more: Partial<Provider>): Promise<Record<string, number>> {
  const clock = manualClock();
  const deadlines: Record<string, number> = {};
  const never = (name: string, { signal }: Exchange): Promise<never> => {
    const since = clock.running();
    signal.addEventListener("abort", () => (deadlines[name] ??= clock.running() - since));
    return new Promise(() => {});
  };
  const provider: Provider = {
    name: "acme",
    origins: ["https://api.acme.example"],
    renewal: { rotation: "strict" },
    signIn: (_, exchange) => never("signIn", exchange),
    renew: (_, exchange) => never("renew", exchange),
    revoke: (_, exchange) => never("revoke", exchange),
    ...more,
  };
  const vault = createVault({ provider, store: memoryStore(), clock });
  const signingIn = vault.signIn({}).catch(() => {});
  await clock.advance(2 * MINUTE);
  await signingIn;
  await vault.adopt({ accessToken: "at-1", refreshToken: "rt-1", expiresAt: clock.now() });
  const call = vault.getToken().catch(() => {});
  await clock.advance(MINUTE);
  await call;
  const signingOut = vault.signOut();
  await clock.advance(2 * MINUTE);
  await signingOut;
  await vault.close();
  return deadlines;
}

describe("the deadline of an exchange [P10]", () => {
  it("is 15 s", async () => {
    const deadlines = await deadlinesOf({});
    expect(deadlines).toEqual({ signIn: 15_000, renew: 15_000, revoke: 15_000 });
  });

  it("is a minute where the provider stands in front of the engine, but for a renewal", async () => {
    const deadlines = await deadlinesOf({ wrap: (engine) => engine });
    expect(deadlines).toEqual({ signIn: MINUTE, renew: 15_000, revoke: MINUTE });
  });
});
