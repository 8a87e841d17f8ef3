/** A page's callers do not end each other's questions to the worker, however one of them gives up. */
import { describe, expect, it, vi } from "vitest";
import { memoryStore } from "../../../src/stores/memory.ts";
import { serveVault } from "../../../src/worker.ts";
import { clockAhead, settle } from "../../support/clock.ts";
import { acme, credentials, fakeApi, never } from "../../support/fake-api.ts";
import { VMS } from "../../support/vault.ts";
import { connect, real } from "../worker/page-vault.ts";
import { gate, outcome } from "./faulty-parts.ts";

/** What a promise rejects with, falsy values among them; a symbol that nobody throws if it does not. */
const none = Symbol("not rejected");
const reasonOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => none,
    (reason: unknown) => reason,
  );

const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 10; turn++) await settle();
};

type Made = ReturnType<typeof real>;

/** Whatever takes a signal; each is a question that the worker has not answered yet. */
const calls: readonly [string, (made: Made, signal: AbortSignal) => Promise<unknown>][] = [
  ["getToken()", ({ vault }, signal) => vault.getToken({ signal })],
  ["authorization()", ({ vault }, signal) => vault.authorization({ signal })],
  ["fetch()", ({ vault }, signal) => vault.fetch(VMS, { signal })],
  ["signIn()", ({ vault }, signal) => vault.signIn(credentials, { signal })],
];
const reasons = [null, 0, "", false, Number.NaN, "enough"];
const cases = calls.flatMap(([call, ask]) => reasons.map((reason) => ({ call, ask, reason })));

describe("a page's caller that gives up", () => {
  it.each(cases)(
    "by an abort with $reason ends its own $call, and nobody else's sign-in [F48 P14]",
    async ({ ask, reason }) => {
      const made = real();
      const { vault, api } = made;
      const login = gate(api.login);
      api.login = login.answer;
      const signingIn = reasonOf(vault.signIn(credentials));
      await vi.waitFor(() => expect(login.arrived).toBe(1));
      const controller = new AbortController();
      const asked = reasonOf(ask(made, controller.signal));
      controller.abort(reason);
      expect(await asked).toBe(reason);
      await turns();
      login.open();
      expect(await signingIn).toBe(none);
      expect(await vault.getToken()).toMatch(/^access-\d+-secret$/);
      expect(vault.snapshot().status).toBe("signed-in");
    },
  );

  it.each(reasons)("by an abort with %j ends nobody else's refresh [F48 P14]", async (reason) => {
    let passed = 0;
    const api = fakeApi();
    vi.stubGlobal("fetch", api.fetch);
    const served = serveVault({
      provider: acme(),
      store: memoryStore(),
      fetch: api.fetch,
      clock: clockAhead(() => passed),
    });
    const vault = connect(() => served);
    await vault.signIn(credentials);
    // A 401 so soon after a sign-in would wait.
    passed = 60_000;
    const refresh = gate(api.refresh);
    api.refresh = refresh.answer;
    api.expire();
    const controller = new AbortController();
    const one = reasonOf(vault.fetch(VMS, { signal: controller.signal }));
    const other = outcome(vault.fetch(VMS));
    await vi.waitFor(() => expect(refresh.arrived).toBe(1));
    controller.abort(reason);
    expect(await one).toBe(reason);
    await turns();
    refresh.open();
    expect(await other).toMatchObject({ status: 200 });
    expect(api.to("/refresh")).toHaveLength(1);
  });

  it("asks nobody a second time: the worker has heard each question once [F48]", async () => {
    const { vault, api } = real();
    api.login = never;
    const signingIn = reasonOf(vault.signIn(credentials));
    await vi.waitFor(() => expect(api.to("/login")).toHaveLength(1));
    const controller = new AbortController();
    const asked = reasonOf(vault.accounts());
    const aborted = reasonOf(vault.authorization({ signal: controller.signal }));
    controller.abort(null);
    expect(await aborted).toBeNull();
    expect(await asked).toBe(none);
    await turns();
    expect(api.to("/login")).toHaveLength(1);
    vault.close();
    expect(await signingIn).toMatchObject({ code: "closed" });
  });
});
