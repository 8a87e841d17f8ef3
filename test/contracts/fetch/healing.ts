/** A 401 is healed once, with one token call for all; other refusals are answers. */
import { describe, expect, it } from "vitest";
import { readProblem, type VaultRequestInit } from "../../../src/index.ts";
import { grace } from "../../apis/vmcloud-data.ts";
import { echoOf, snapshotOf, type Stage } from "./stage.ts";

const exposed = { cors: { expose: ["WWW-Authenticate", "Retry-After"] } };

export function healing(stage: Stage): void {
  describe("a 401 and other refusals", () => {
    it("a call carries the token of the sign-in, and gives a plain Response", async () => {
      const { api, vault } = await stage.open();
      const response = await vault.fetch(`${api.url}/v1/vms`);
      expect(response).toBeInstanceOf(Response);
      expect(await response.json()).toMatchObject({ vms: [{ name: "first of org-analytical" }] });
      expect(await api.counters()).toMatchObject({ signIns: 1, tokenCalls: 0, unauthorized: 0 });
    });

    it("a 401 is refreshed and the call sent again, and an event tells", async () => {
      const { api, vault, events } = await stage.open();
      await api.expireAccessTokens();
      expect(await echoOf(vault.fetch(`${api.url}/v1/echo?n=1`))).toMatchObject({ tokenIndex: 2 });
      expect(await api.counters()).toMatchObject({
        tokenCalls: 1,
        unauthorized: 1,
        sends: { 1: 2 },
      });
      expect(events.map(({ type }) => type)).toEqual(["refreshing", "refreshed", "retried"]);
    });

    it("fifty parallel 401s make one token call, and fifty answers [P12]", async () => {
      const { api, vault } = await stage.open();
      await api.expireAccessTokens();
      const calls = Array.from({ length: 50 }, (_, n) =>
        echoOf(vault.fetch(`${api.url}/v1/echo?n=${n}`, { method: "POST", body: `call ${n}` })),
      );
      const seen = await Promise.all(calls);
      expect(seen.map(({ body }) => body)).toEqual(seen.map((_, n) => `call ${n}`));
      expect(new Set(seen.map(({ tokenIndex }) => tokenIndex))).toEqual(new Set([2]));
      const counters = await api.counters();
      expect(counters).toMatchObject({ tokenCalls: 1, reuseDetections: 0 });
      expect(counters.maxSendsPerRequestId).toBe(2);
    });

    it("a 401 for an older token is sent again with the new one, without a token call [P12]", async () => {
      const { api, vault } = await stage.open();
      await api.expireAccessTokens();
      const gate = await api.gate("api", "after");
      const late = echoOf(vault.fetch(`${api.url}/v1/echo?n=late`));
      await gate.arrived;
      await echoOf(vault.fetch(`${api.url}/v1/echo?n=early`));
      await gate.release();
      expect(await late).toMatchObject({ tokenIndex: 2 });
      expect(await api.counters()).toMatchObject({ tokenCalls: 1, sends: { late: 2, early: 2 } });
    });

    it.runIf(stage.faithful)(
      "a server that always answers 401 is asked twice, and its 401 comes back [P11 P13]",
      async () => {
        const { api, vault } = await stage.open();
        await api.fault("api", { times: "always", status: 401, body: { detail: "Never" } });
        const response = await vault.fetch(`${api.url}/v1/echo?n=1`);
        expect(await readProblem(response)).toMatchObject({ status: 401, message: "Never" });
        expect((await vault.fetch(`${api.url}/v1/echo?n=2`)).status).toBe(401);
        const { sends, tokenCalls } = await api.counters();
        expect({ sends, tokenCalls }).toEqual({ sends: { 1: 2, 2: 1 }, tokenCalls: 1 });
      },
    );

    it("403 is an answer: no refresh, no second send, the body as it came [F18]", async () => {
      const { api, vault } = await stage.open({}, { user: grace });
      const init: VaultRequestInit = {
        method: "POST",
        body: "{}",
        headers: { "content-type": "application/json" },
      };
      const response = await vault.fetch(`${api.url}/v1/vms?n=1`, init);
      expect(response.status).toBe(403);
      expect(await response.json()).toMatchObject({
        error: { message: "Insufficient permissions" },
      });
      expect(await api.counters()).toMatchObject({ tokenCalls: 0, sends: { 1: 1 } });
    });

    it.each([undefined, { method: "POST", body: "{}" }])(
      "403 without a challenge is an answer too (%j) [F18]",
      async (init) => {
        const { api, vault } = await stage.open();
        await api.fault("api", { status: 403, body: { detail: "Not from this address" } });
        const response = await vault.fetch(`${api.url}/v1/echo?n=1`, init);
        expect(response.status).toBe(403);
        expect(await api.counters()).toMatchObject({ tokenCalls: 0, sends: { 1: 1 } });
      },
    );

    it.runIf(stage.faithful)(
      "429 is an answer, and readProblem tells how long to wait [F18]",
      async () => {
        const { api, vault } = await stage.open({ rateLimit: 1, ...exposed });
        await echoOf(vault.fetch(`${api.url}/v1/echo`));
        const response = await vault.fetch(`${api.url}/v1/echo?n=2`);
        const problem = await readProblem(response);
        expect(problem).toMatchObject({ status: 429, message: "Rate limit exceeded" });
        expect(problem.retryAfter).toBeGreaterThan(3_500_000);
        expect(problem.retryAfter).toBeLessThanOrEqual(3_600_000);
        expect(await api.counters()).toMatchObject({ tokenCalls: 0, sends: { 2: 1 } });
      },
    );

    it.each([
      'Bearer error="insufficient_scope", scope="vms:write"',
      'Bearer realm="a", error=insufficient_scope',
      'Bearer error="insufficient_user_authentication", max_age="60"',
      'Negotiate, Bearer error="insufficient_scope"',
      // RFC 9110 §11.2: names in any case, spaces around the equals sign.
      'Bearer error = "insufficient_scope"',
      'Bearer Error="insufficient_scope"',
      "Bearer realm=x, ERROR= insufficient_user_authentication",
    ])("a 401 with the challenge %s never refreshes [F18]", async (challenge) => {
      const { api, vault } = await stage.open(exposed);
      await api.fault("api", { status: 401, headers: { "www-authenticate": challenge } });
      expect((await vault.fetch(`${api.url}/v1/echo?n=1`)).status).toBe(401);
      expect(await api.counters()).toMatchObject({ tokenCalls: 0, sends: { 1: 1 } });
    });

    it("a 401 whose challenge is about the token is healed [F18]", async () => {
      const { api, vault } = await stage.open(exposed);
      await api.expireAccessTokens();
      const bare = await fetch(`${api.url}/v1/echo`, { headers: { authorization: "Bearer old" } });
      expect((await readProblem(bare)).challenge).toMatchObject({ error: "invalid_token" });
      expect(await echoOf(vault.fetch(`${api.url}/v1/echo`))).toMatchObject({ tokenIndex: 2 });
    });

    it("a refused refresh rejects with the error that asks for a sign-in", async () => {
      const { api, vault, events } = await stage.open();
      await api.expireAccessTokens();
      await api.revokeFamilies();
      await expect(vault.fetch(`${api.url}/v1/echo?n=1`)).rejects.toMatchObject({
        code: "sign_in_required",
        status: 401,
      });
      expect((await snapshotOf(vault)).status).toBe("sign-in-required");
      expect(events.filter(({ type }) => type === "refused")).toHaveLength(1);
      expect((await api.counters()).tokenCalls).toBe(1);
    });

    it("a 429 of the token endpoint is waited out, and every caller is answered [P17 F14]", async () => {
      const { api, vault } = await stage.open();
      await api.expireAccessTokens();
      await api.fault("refresh", { status: 429 });
      const seen = await Promise.all(
        [1, 2, 3].map((n) => echoOf(vault.fetch(`${api.url}/v1/echo?n=${n}`))),
      );
      expect(seen.map(({ tokenIndex }) => tokenIndex)).toEqual([2, 2, 2]);
      expect((await api.counters()).tokenCalls).toBe(2);
    });

    it("the refresh of a 401 is given to the call's waitUntil", async () => {
      const { api, vault } = await stage.open();
      await api.expireAccessTokens();
      const gate = await api.gate("refresh", "before");
      const held: Promise<unknown>[] = [];
      const waitUntil = (promise: Promise<unknown>): void => void held.push(promise);
      const answer = vault.fetch(`${api.url}/v1/echo`, { waitUntil });
      await gate.arrived;
      expect(held.length).toBeGreaterThan(0);
      let over = false;
      const all = Promise.all(held).then(() => (over = true));
      expect(over).toBe(false);
      await gate.release();
      await answer;
      await all;
      expect(await echoOf(vault.fetch(`${api.url}/v1/echo`))).toMatchObject({ tokenIndex: 2 });
    });

    it("nobody signed in: a typed error, and nothing is sent", async () => {
      const { api, vault } = await stage.open();
      await vault.signOut();
      await expect(vault.fetch(`${api.url}/v1/echo?n=1`)).rejects.toMatchObject({
        code: "no_session",
      });
      expect((await api.counters()).sends).toEqual({});
    });

    it("the claims of the token are there for display, the token is not [S12]", async () => {
      const { vault } = await stage.open();
      const snapshot = await snapshotOf(vault);
      expect(snapshot).toMatchObject({ status: "signed-in", claims: { org: "org-analytical" } });
      expect(JSON.stringify(snapshot)).not.toContain(await vault.getToken());
    });
  });
}
