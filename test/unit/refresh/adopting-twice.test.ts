/** An adoption that is asked for more than once, because its answer was lost. */
import { describe, expect, it } from "vitest";
import { createEngine } from "../../../src/refresh/engine.ts";
import type { Engine } from "../../../src/refresh/contract.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import type { Provider } from "../../../src/types.ts";
import { manualClock } from "../../support/clock.ts";
import { acme, fakeApi } from "../../support/fake-api.ts";
import { HOUR, MINUTE, within } from "./faulty-parts.ts";

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
