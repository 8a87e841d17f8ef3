/** Answers that get lost between a Worker and its object, and users who change meanwhile. */
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import {
  credentials,
  HOUR,
  type Namespace,
  otherEnv,
  type Stage,
  stage,
} from "./strict-vmcloud.ts";
import { hooks } from "./tested-worker.ts";

/** An isolate that knows nothing, and has no KV, which may be late. */
const cold = (): { env: object } => ({ env: { ...otherEnv(), TOKEN_CACHE: undefined } });

type Methods = Record<string, (...given: unknown[]) => Promise<unknown>>;

/** A binding whose first answer to `method` gets lost, after `then` has happened. */
function losing(method: string, then: () => Promise<unknown>): { env: object; lost: () => number } {
  let lost = 0;
  const namespace: Namespace = {
    idFromName: (name) => env.TOKEN_VAULT.idFromName(name),
    get(id) {
      const object = env.TOKEN_VAULT.get(id) as unknown as Methods;
      return new Proxy({} as never, {
        get: (_, name: string) =>
          name !== method || lost > 0
            ? (...given: unknown[]) => object[name]!(...given)
            : async (...given: unknown[]) => {
                lost += 1;
                await object[name]!(...given);
                await then();
                throw new Error("Network connection lost.");
              },
      });
    },
  };
  return { env: { ...env, TOKEN_CACHE: undefined, TOKEN_VAULT: namespace }, lost: () => lost };
}

async function grantOf({ api }: Stage): Promise<{ accessToken: string; refreshToken: string }> {
  const reply = await fetch(`${api.url}/api/v1/auth/token`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(credentials),
  });
  const { token, refresh_token } = (await reply.json()) as Record<string, string>;
  return { accessToken: token ?? "", refreshToken: refresh_token ?? "" };
}

describe("an adoption whose answer was lost", () => {
  it("is not adopted again over its successor: no spent token comes back [F101 P2]", async () => {
    const one = await stage({ rotation: "strict" });
    const { api, vault, elsewhere, echo } = one;
    const isolate = (): ReturnType<typeof vault> => vault({ env: way.env });
    const tokens = await grantOf(one);
    const way = losing("adopt", async () => {
      hooks.ahead = HOUR;
      await api.expireAccessTokens();
      expect((await isolate().fetch(echo)).status).toBe(200);
    });
    await isolate().adopt(tokens);
    expect(way.lost()).toBe(1);
    expect(await elsewhere(cold()).state()).toMatchObject({ status: "signed-in", generation: 2 });
    hooks.ahead = 2 * HOUR;
    await api.expireAccessTokens();
    expect((await isolate().fetch(echo)).status).toBe(200);
    expect(await api.counters()).toMatchObject({ tokenCalls: 2, reuseDetections: 0 });
  });

  it("is not adopted again over a sign-out, nor after the account was removed [F101 P4]", async () => {
    for (const leave of ["signOut", "removeAccount"] as const) {
      const one = await stage();
      const way = losing("adopt", () => one.elsewhere(cold())[leave]());
      await one.vault({ env: way.env }).adopt({ accessToken: "opaque" });
      await expect(one.elsewhere(cold()).getToken()).rejects.toMatchObject({ code: "no_session" });
    }
  });
});

describe("a POST that is answered 401 while another user signs in", () => {
  it.each(["signOut", "removeAccount", undefined] as const)(
    "comes back, and nothing of it goes out as the other: after %s [F103]",
    async (leave) => {
      const one = await stage();
      const { api, vault, elsewhere, echo } = one;
      await vault().signIn(credentials);
      await vault().getToken();
      hooks.ahead = HOUR;
      await api.expireAccessTokens();
      const gate = await api.gate("api", "after");
      const post = vault().fetch(`${echo}?n=1`, { method: "POST", body: "order" });
      await gate.arrived;
      if (leave) await elsewhere(cold())[leave]();
      await elsewhere(cold()).signIn(credentials);
      await gate.release();
      expect((await post).status).toBe(401);
      const { sends } = await api.counters();
      expect(sends).toEqual({ 1: 1 });
      // The next call is the other's.
      expect((await elsewhere(cold()).fetch(echo)).status).toBe(200);
      expect(await api.counters()).toMatchObject({ tokenCalls: 0 });
    },
  );
});
