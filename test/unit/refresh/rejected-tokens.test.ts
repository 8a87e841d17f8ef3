/** A caller's 401 where something else is known: taken back, unread, of a later generation, or in a slow store. */
import { describe, expect, it } from "vitest";
import { manualClock } from "../../support/clock.ts";
import { credentials, fakeApi, ORIGIN, reply } from "../../support/fake-api.ts";
import { refreshes, VMS } from "../../support/vault.ts";
import {
  gate,
  ownerOf,
  HOUR,
  MINUTE,
  odd,
  oddStore,
  outcome,
  rest,
  SECOND,
  within,
} from "./faulty-parts.ts";

const ok = (): Response => reply(200, { ok: true });
const no = (): Response => reply(401, { error: "no" });

describe("a 401 that another reply of the same endpoint takes back", () => {
  it("is the answer, and the store is not asked without a pause meanwhile [F54 P10]", async () => {
    const { vault, api, clock, store } = await odd();
    // Some endpoint is in question, so that successes are told.
    api.api = no;
    await within(clock, MINUTE, vault.fetch(`${ORIGIN}/v1/bad`));
    await clock.advance(HOUR);
    api.api = ok;
    await within(clock, MINUTE, vault.fetch(VMS));
    const [first, second] = [gate(no), gate(ok)];
    api.api = first.answer;
    const refused = vault.fetch(VMS);
    await rest();
    api.api = second.answer;
    const passed = vault.fetch(VMS);
    await rest();
    store.operations = 0;
    first.open();
    await rest();
    second.open();
    expect((await within(clock, MINUTE, passed)).status).toBe(200);
    expect((await within(clock, MINUTE, refused)).status).toBe(401);
    expect(store.operations).toBeLessThan(300);
  });
});

describe("a 401 that a context hears of before it has read its session", () => {
  it("is healed as any other is: an owner may have been built anew meanwhile [P10 P12 F34]", async () => {
    const clock = manualClock();
    const store = oddStore(clock);
    const api = fakeApi();
    const one = ownerOf({ api, clock, store });
    await one.vault.signIn(credentials);
    const rejected = await one.engine.getToken();
    await clock.advance(MINUTE);
    const two = ownerOf({ api, clock, store });
    const from = clock.running();
    const asked = Promise.resolve(two.engine.getToken({ rejected, endpoint: "e" }));
    expect((await within(clock, MINUTE, asked)).generation).toBe(2);
    expect(clock.running() - from).toBeLessThan(SECOND);
    expect(refreshes({ api })).toBe(1);
  });
});

describe("a caller that had a later generation than stands here", () => {
  it("waits for it with pauses, and not beyond its patience [F54 P10]", async () => {
    const clock = manualClock();
    const store = oddStore(clock);
    const { vault, engine } = ownerOf({ api: fakeApi(), clock, store });
    await vault.signIn(credentials);
    const rejected = { ...(await engine.getToken()), generation: 9 };
    store.operations = 0;
    const from = clock.running();
    const asked = outcome(Promise.resolve(engine.getToken({ rejected, endpoint: "e" })));
    expect(await within(clock, MINUTE, asked)).toBe("refresh_failed");
    expect(clock.running() - from).toBe(20 * SECOND);
    expect(store.operations).toBeLessThan(300);
  });
});

describe("getToken({ rejected })", () => {
  it("takes its patience once, for both of its waits [F51 P10]", async () => {
    const { vault, api, clock, store } = await odd();
    api.refresh = () => new Promise<Response>(() => {});
    await clock.advance(2 * MINUTE);
    store.delay = 4 * SECOND;
    const from = clock.running();
    const call = outcome(vault.getToken({ rejected: "access-1-secret" }));
    expect(await within(clock, HOUR, call)).toBe("refresh_failed");
    expect(clock.running() - from).toBeLessThanOrEqual(20 * SECOND);
  });
});
