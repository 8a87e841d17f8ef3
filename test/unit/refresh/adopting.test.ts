/** An adoption that is asked for more than once, because its answer was lost. */
import { describe, expect, it } from "vitest";
import { memoryStore } from "../../../src/stores/memory.ts";
import type { Provider } from "../../../src/types.ts";
import type { VaultEvent } from "../../../src/vault/vault.ts";
import { manualClock } from "../../support/clock.ts";
import { acme, fakeApi } from "../../support/fake-api.ts";
import { bench, signedIn } from "../../support/vault.ts";
import { ownerOf, HOUR, MINUTE, rest, SECOND, within } from "./faulty-parts.ts";
import { createEngine } from "../../../src/refresh/engine.ts";
import type { Engine } from "../../../src/refresh/contract.ts";

describe("an adoption that is asked for twice", () => {
  it("begins one session, and takes nothing from its successor [F101 P19]", async () => {
    const clock = manualClock();
    const store = memoryStore();
    const api = fakeApi();
    const engine = (): Engine =>
      createEngine(
        "key",
        { provider: acme() as Provider<never>, store, clock, fetch: api.fetch, random: () => 0.5 },
        () => {},
      );
    const adoption = { sessionId: "asked-for", startedAt: clock.now() };
    const grant = {
      accessToken: "access-0-secret",
      refreshToken: "refresh-0-secret",
      expiresAt: clock.now() + HOUR,
    };
    const one = engine();
    await within(clock, MINUTE, one.adopt(grant, adoption));
    await clock.advance(HOUR);
    const token = await within(clock, MINUTE, Promise.resolve(one.getToken()));
    expect(token).toMatchObject({ sessionId: "asked-for", generation: 2 });
    await one.close();

    const other = engine();
    await within(clock, MINUTE, other.adopt(grant, adoption));
    expect(await within(clock, MINUTE, Promise.resolve(other.getToken()))).toEqual(token);
    await other.close();
  });
});

describe("the same token, adopted twice at once", () => {
  it("is not revoked: it is the one that is served [S14 P19]", async () => {
    const { vault, api, clock } = bench();
    const tokens = { accessToken: "access-1-secret", refreshToken: "refresh-1-secret" };
    const both = Promise.all([vault.adopt(tokens), vault.adopt(tokens)]);
    await within(clock, MINUTE, both);
    await rest();
    expect(api.to("/revoke")).toHaveLength(0);
    expect(await vault.getToken()).toBe("access-1-secret");
  });
});

describe("an adoption that yields to what came after it", () => {
  it("is told as no sign-in, neither over a sign-out nor over somebody else's session [P4 P9 P19]", async () => {
    const clock = manualClock();
    const [store, api] = [memoryStore(), fakeApi()];
    const other = await signedIn({ store, clock, api });
    const { vault, engine } = ownerOf({ store, clock, api });
    const told: VaultEvent[] = [];
    vault.events((event) => told.push(event));
    const tokens = { accessToken: "access-9-secret", refreshToken: "refresh-9-secret" };
    const startedAt = clock.now() - MINUTE;
    await clock.advance(SECOND);
    await engine.adopt(tokens, { sessionId: "late", startedAt });
    await rest();
    expect(told.map(({ type }) => type)).not.toContain("signed-in");
    await other.vault.signOut();
    await clock.advance(SECOND);
    await engine.adopt(tokens, { sessionId: "later", startedAt });
    await rest();
    expect(told.map(({ type }) => type)).not.toContain("signed-in");
    expect(vault.snapshot().status).toBe("signed-out");
  });
});
