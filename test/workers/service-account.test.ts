/** A Google service account's session in a Durable Object: its key is a secret of the Worker's. */
import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, inject, it } from "vitest";
import { type CloudflareVault, createVault } from "../../src/cloudflare.ts";
import { jwtBearer } from "../../src/providers/jwt-bearer.ts";
import { spawnIssuer } from "../apis/issuer.ts";
import { pairOf } from "../contracts/jwt/forgeries.ts";
import { HOUR, otherEnv } from "./strict-vmcloud.ts";
import { clock, hooks, providers } from "./tested-worker.ts";

const EMAIL = "robot@project.iam.gserviceaccount.example";

it("every isolate calls with the object's token, and one assertion gets the next [P1 S7]", async () => {
  const issuer = spawnIssuer(inject("control"));
  const { publicJwk, privatePem } = await pairOf("RSA");
  await issuer.set({ clients: [{ email: EMAIL, kid: "k1", publicKey: publicJwk as never }] });
  const tokenUrl = `${issuer.url}/token`;
  providers["google"] = jwtBearer<{ account: string }>({
    name: "google",
    origins: [new URL(issuer.url).origin],
    partition: [issuer.url],
    tokenUrl,
    key: () => undefined,
    variable: "GOOGLE_PRIVATE_KEY",
    // As `wrangler secret put` and `.dev.vars` keep it.
    env: { GOOGLE_PRIVATE_KEY: privatePem.replaceAll("\n", "\\n") },
    protectedHeader: () => ({ kid: "k1" }),
    claims: ({ account }) => ({ iss: account, aud: tokenUrl, scope: "storage.read" }),
  }) as never;
  const vault = (own: object = env): CloudflareVault<{ account: string }> =>
    createVault({
      provider: "google",
      env: own,
      ctx: createExecutionContext(),
      clock,
      dangerouslyAllowLoopbackHttp: true,
    });
  const call = async (own?: object): Promise<number> => {
    const response = await vault(own).fetch(`${issuer.url}/api`);
    await response.text();
    return response.status;
  };

  await vault().signIn({ account: EMAIL });
  expect(await Promise.all([call(), call(otherEnv()), call(otherEnv())])).toEqual([200, 200, 200]);
  expect(await issuer.counters()).toMatchObject({ tokenCalls: 1 });

  hooks.ahead = HOUR;
  await issuer.set({ clockOffset: HOUR });
  await issuer.expire();
  const calls = Array.from({ length: 20 }, (_, index) => call(index % 2 ? otherEnv() : env));
  expect(new Set(await Promise.all(calls))).toEqual(new Set([200]));
  expect(await issuer.counters()).toMatchObject({ tokenCalls: 2, refused: 0 });
});
