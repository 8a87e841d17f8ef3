/** The vault in workerd: a Durable Object, RPC and KV, against a strict server on a real socket. */
import { describe, expect, it } from "vitest";
import { credentials, stage } from "./stage.ts";

describe("a session that a Durable Object owns", () => {
  it("signs in, fetches, and signs out", async () => {
    const { api, echo, vault } = await stage();
    await vault().signIn(credentials);
    const response = await vault().fetch(echo);
    expect(response.status).toBe(200);
    expect(await vault().state()).toMatchObject({ status: "signed-in", generation: 1 });
    await vault().signOut();
    await expect(vault().fetch(echo)).rejects.toMatchObject({ code: "no_session" });
    expect(await api.counters()).toMatchObject({ signIns: 1, tokenCalls: 0 });
  });

  it("P1 F31 two hundred requests at once with an expired session make one token call", async () => {
    const { api, request, vault } = await stage();
    await vault().signIn(credentials);
    await api.expireAccessTokens();
    const responses = await Promise.all(Array.from({ length: 200 }, () => request()));
    expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([200]));
    await Promise.all(responses.map((one) => one.text()));
    expect(await api.counters()).toMatchObject({ tokenCalls: 1, reuseDetections: 0 });
  });
});
