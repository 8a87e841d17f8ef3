/** A caller's abort is its own (P14, F11). */
import { describe, expect, it } from "vitest";
import { echoOf, type Stage } from "./stage.ts";

/** How each way of giving a signal along looks like. */
type Way = (url: string, signal: AbortSignal) => readonly [string | Request, RequestInit?];

const ways: Readonly<Record<string, Way>> = {
  "in init": (url, signal) => [url, { signal }],
  "on a Request": (url, signal) => [new Request(url, { signal })],
  "on a Request with a body": (url, signal) => [
    new Request(url, { signal, method: "POST", body: "x" }),
  ],
};

export function cancelling(stage: Stage): void {
  const usable = Object.entries(ways).filter(([way]) => stage.faithful || way === "in init");

  describe.each(usable)("an abort %s", (_, call) => {
    it("during a refresh ends this call alone: no other call, no token call [P14 F11]", async () => {
      const { api, vault } = await stage.open();
      await api.expireAccessTokens();
      const gate = await api.gate("refresh", "before");
      const [one, two] = [new AbortController(), new AbortController()];
      const impatient = vault.fetch(...call(`${api.url}/v1/echo?n=1`, one.signal));
      const patient = echoOf(vault.fetch(...call(`${api.url}/v1/echo?n=2`, two.signal)));
      await gate.arrived;
      one.abort();
      await expect(impatient).rejects.toMatchObject({ name: "AbortError" });
      await gate.release();
      expect(await patient).toMatchObject({ tokenIndex: 2 });
      expect(await api.counters()).toMatchObject({ tokenCalls: 1, refreshed: 1 });
    });

    it("while the first token is awaited ends this call at once [P14]", async () => {
      const { api, vault } = await stage.open();
      await api.expireAccessTokens();
      const gate = await api.gate("refresh", "before");
      // A 401 ends the token for its own endpoint first: those that ask for that one wait.
      const first = echoOf(vault.fetch(`${api.url}/v1/echo?n=3`));
      await gate.arrived;
      const controller = new AbortController();
      const answer = vault.fetch(...call(`${api.url}/v1/echo?n=1`, controller.signal));
      const other = echoOf(vault.fetch(`${api.url}/v1/echo?n=2`));
      controller.abort();
      // The gate is still shut: only the abort can have ended it.
      await expect(answer).rejects.toMatchObject({ name: "AbortError" });
      await gate.release();
      for (const one of [first, other]) expect(await one).toMatchObject({ tokenIndex: 2 });
      expect(await api.counters()).toMatchObject({ tokenCalls: 1, sends: { 2: 1, 3: 2 } });
    });

    it("of a call on its way ends it, as with fetch [P14]", async () => {
      const { api, vault } = await stage.open();
      const gate = await api.gate("api", "before");
      const controller = new AbortController();
      const answer = vault.fetch(...call(`${api.url}/v1/echo`, controller.signal));
      await gate.arrived;
      controller.abort();
      await expect(answer).rejects.toMatchObject({ name: "AbortError" });
      await gate.release();
      expect(await echoOf(vault.fetch(`${api.url}/v1/echo`))).toMatchObject({ tokenIndex: 1 });
    });

    it("before the call: nothing is sent [P14]", async () => {
      const { api, vault } = await stage.open();
      const controller = new AbortController();
      controller.abort();
      const answer = vault.fetch(...call(`${api.url}/v1/echo?n=1`, controller.signal));
      await expect(answer).rejects.toMatchObject({ name: "AbortError" });
      expect((await api.counters()).sends).toEqual({});
    });
  });
}
