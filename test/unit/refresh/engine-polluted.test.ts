/**
 * What a script has put on `Object.prototype` is no member of what an engine is asked for: a Worker's proxy
 * names a rejected token by session and generation alone, and leaves the rest out.
 */
import { afterEach, expect, it } from "vitest";
import { createEngine } from "../../../src/refresh/engine.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import { manualClock } from "../../support/clock.ts";
import { acme, credentials, fakeApi } from "../../support/fake-api.ts";
import { MINUTE, within } from "./faulty-parts.ts";

const names: Readonly<Record<string, unknown>> = {
  accessToken: "t-1000",
  askedAt: Infinity,
  attemptId: "polluted",
  endpoint: "polluted",
  isExcused: true,
  isOffline: true,
  passed: 1_000,
  status: 200,
  waited: 1_000_000,
};

afterEach(() => {
  for (const name of Object.keys(names)) Reflect.deleteProperty(Object.prototype, name);
});

it.each(Object.entries(names))(
  "a rejected token is replaced by one refresh, though Object.prototype has a member %s [S15 P12]",
  async (name, value) => {
    const clock = manualClock();
    const api = fakeApi();
    const { fetch } = api;
    const options = { provider: acme(), store: memoryStore(), clock, fetch, random: () => 0.5 };
    const engine = createEngine("key", options as never, () => {});
    await within(clock, MINUTE, engine.signIn(credentials));
    const { sessionId, generation } = await within(
      clock,
      MINUTE,
      Promise.resolve(engine.getToken()),
    );
    await clock.advance(MINUTE);
    Reflect.set(Object.prototype, name, value);
    const next = engine.getToken({ rejected: { sessionId, generation } });
    const token = await within(clock, MINUTE, Promise.resolve(next));
    Reflect.deleteProperty(Object.prototype, name);
    expect(token).toMatchObject({ sessionId, generation: 2 });
    expect(api.to("/refresh")).toHaveLength(1);
    await engine.close();
  },
);
