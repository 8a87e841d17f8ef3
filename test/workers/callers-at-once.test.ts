/** Many callers at once, none of them signed in. */
import { describe, expect, it } from "vitest";
import { credentials, stage } from "./strict-vmcloud.ts";

const outcomes = (calls: readonly Promise<unknown>[]): Promise<unknown[]> =>
  Promise.all(
    calls.map((call) =>
      call.then(
        () => "signed in",
        (error: { code: string }) => error.code,
      ),
    ),
  );

const once = { unlessSignedIn: true };

describe("sign-ins unless signed in, at once", () => {
  it("fifty with a wrong password: one request, and all are told [F95]", async () => {
    const { api, vault } = await stage();
    const wrong = { ...credentials, password: "wrong" };
    const calls = Array.from({ length: 50 }, () => vault().signIn(wrong, once));
    expect(await outcomes(calls)).toEqual(calls.map(() => "credentials_refused"));
    const { sends, requests } = await api.counters();
    expect({ requests, sends }).toMatchObject({ requests: 1 });
  });

  it("thirty that meet a 503: one request, and nobody signs in for them later [F95]", async () => {
    const { api, vault, settled } = await stage();
    await api.fault("token", { status: 503, times: "always" });
    const calls = Array.from({ length: 30 }, () => vault().signIn(credentials, once));
    expect(await outcomes(calls)).toEqual(calls.map(() => "sign_in_failed"));
    await settled();
    expect((await api.counters()).requests).toBe(1);
    await api.clearFaults();
    await vault().signIn(credentials, once);
    expect(await api.counters()).toMatchObject({ requests: 2, signIns: 1 });
  });

  it("fifty with the right one: one sign-in; with wrong ones among them nobody is told of another's", async () => {
    const { api, vault } = await stage();
    const wrong = { ...credentials, password: "wrong" };
    const calls = [
      vault().signIn(wrong, once),
      ...Array.from({ length: 49 }, () => vault().signIn(credentials, once)),
    ];
    const [first, ...others] = await outcomes(calls);
    expect(first).toBe("credentials_refused");
    expect(others).toEqual(others.map(() => "signed in"));
    expect(await api.counters()).toMatchObject({ requests: 2, signIns: 1 });
  });
});
