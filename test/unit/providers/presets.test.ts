/** What each preset has of its own: variables, public paths, scopes, claims. Over real sockets. */
import { describe, expect, it } from "vitest";
import { createVault, type Vault } from "tokenkeep";
import { artos } from "tokenkeep/providers/artos";
import { clary } from "tokenkeep/providers/clary";
import { claryJwt } from "tokenkeep/providers/clary-jwt";
import { qovery } from "tokenkeep/providers/qovery";
import { simplismart } from "tokenkeep/providers/simplismart";
import { memoryStore } from "tokenkeep/stores/memory";
import { apis } from "../../apis/apis.ts";
import type { QoveryApi } from "../../apis/qovery.ts";
import type { Echo } from "../../apis/replies.ts";
import { serve } from "../../apis/sockets.ts";
import { findSecrets } from "../../support/secrets.ts";
import { entry, names, open, post, signedIn, start } from "./over-sockets.ts";

describe("from the environment", () => {
  it.each([
    [
      "simplismart",
      "SIMPLISMART_TOKEN",
      (baseURL: string, env: object) => simplismart({ baseURL, env }),
    ],
    ["qovery", "QOVERY_API_TOKEN", (baseURL: string, env: object) => qovery({ baseURL, env })],
    ["clary", "CLARY_API_KEY", (baseURL: string, env: object) => clary({ baseURL, env })],
  ] as const)("%s: signIn() takes %s", async (name, variable, make) => {
    const env: Record<string, string | undefined> = {};
    const { vault, api, url } = await start(name, {}, (baseURL) => make(baseURL, env));
    const missing = await (vault as Vault<void>).signIn().catch((error: unknown) => error);
    expect(missing).toMatchObject({
      code: "invalid_option",
      message: expect.stringContaining(variable),
    });
    env[variable] = (await api.credentials())["token"];
    await (vault as Vault<void>).signIn();
    expect((await vault.fetch(url + entry(name).read)).status).toBe(200);
  });

  it("artos: signIn() takes ARTOS_TOKEN, which mints nothing: at its end a sign-in is due", async () => {
    const minted = await signedIn("artos");
    const env = { ARTOS_TOKEN: await minted.vault.getToken() };
    const vault = createVault({
      provider: artos({ baseURL: minted.url, env }),
      store: memoryStore(),
      dangerouslyAllowLoopbackHttp: true,
    });
    open.push(vault);
    await vault.signIn();
    expect((await vault.fetch(minted.url + apis.artos.read)).status).toBe(200);
    const calls = minted.api.counters().tokenCalls;
    minted.api.expireAccessTokens();
    expect((await vault.fetch(minted.url + apis.artos.read)).status).toBe(401);
    expect(vault.snapshot().status).toBe("sign-in-required");
    expect(minted.api.counters().tokenCalls).toBe(calls);
    // Signed in by the user id, it mints.
    await vault.signIn((await minted.api.credentials()) as { userId: string });
    expect((await vault.fetch(minted.url + apis.artos.read)).status).toBe(200);
  });

  it("clary-jwt: the key may come from CLARY_API_KEY", async () => {
    const env: Record<string, string | undefined> = {};
    const { vault, api, url } = await start("clary-jwt", {}, (baseURL) =>
      claryJwt({ baseURL, env }),
    );
    const credentials = { subject: "ada", tier: "professional" };
    const missing = await vault.signIn(credentials).catch((error: unknown) => error);
    expect(missing).toMatchObject({
      code: "invalid_option",
      message: expect.stringContaining("CLARY_API_KEY"),
    });
    env["CLARY_API_KEY"] = (await api.credentials())["apiKey"];
    await vault.signIn(credentials);
    expect((await vault.fetch(`${url}/v1/workflows`)).status).toBe(200);
  });
});

describe("artos", () => {
  it("the call that mints and the search's status go without a token [S1]", async () => {
    const { vault, url } = await start("artos", {}, (baseURL) => artos({ baseURL: `${baseURL}/` }));
    // Nobody is signed in, and nobody has to be.
    expect((await vault.fetch(`${url}/api/v1/search/status`)).status).toBe(200);
    const seen: (string | null)[] = [];
    const gateway = await serve(async (request) => {
      seen.push(request.headers.get("authorization"));
      return Response.json({ access_token: "token" });
    });
    open.push(gateway);
    const behind = createVault({
      provider: artos({ baseURL: `${gateway.url}/artos` }),
      store: memoryStore(),
      dangerouslyAllowLoopbackHttp: true,
    });
    open.push(behind);
    await behind.signIn({ userId: "usr_1" });
    for (const path of ["get-access-token", "api/v1/search/status", "api/v1/search"])
      await behind.fetch(`${gateway.url}/artos/${path}`);
    expect(seen).toEqual([null, null, null, "Bearer token"]);
  });

  it("a user without an organisation gets 403, and no new token [F18]", async () => {
    const { vault, url, api } = await signedIn("artos", "nobody");
    expect((await vault.fetch(url + apis.artos.read)).status).toBe(403);
    expect(api.counters().tokenCalls).toBe(1);
  });

  it("a wrong user id is refused, and its value is not told", async () => {
    const { vault } = await start("artos");
    const error = await vault.signIn({ userId: "usr_wrong" }).catch((error: unknown) => error);
    expect(error).toMatchObject({ code: "credentials_refused", status: 401 });
    expect(String((error as Error).stack)).not.toContain("usr_wrong");
  });
});

describe("qovery", () => {
  it.each([
    [["Read"], [200, 403, 403]],
    [["Write"], [403, 201, 403]],
    [["Deploy"], [403, 403, 202]],
    [
      ["Read", "Deploy"],
      [200, 403, 202],
    ],
    [["Admin"], [200, 201, 202]],
  ] as const)("a token with the scopes %j may do what they say", async (scopes, statuses) => {
    const { vault, url, api } = await start("qovery");
    await vault.signIn({ token: (api as QoveryApi).issue(scopes) });
    const replies = [
      await vault.fetch(`${url}/organization`),
      await vault.fetch(url + apis.qovery.write, post),
      await vault.fetch(`${url}/environment/env-1/deploy`, post),
    ];
    expect(replies.map(({ status }) => status)).toEqual(statuses);
  });

  it("tells no life: the console has it, not the token", async () => {
    const { vault } = await signedIn("qovery");
    expect(vault.snapshot()).toMatchObject({ expiresAt: undefined, claims: undefined });
  });
});

describe("what is shown", () => {
  it.each([
    ["vmcloud", { org: "org-analytical", plan: "pro" }],
    ["simplismart", { org: "org-analytical", role: "Admin" }],
    ["clary-jwt", { sub: "ada", tier: "professional" }],
  ] as const)("%s: the claims, for display", async (name, claims) => {
    const { vault } = await signedIn(name);
    expect(vault.snapshot().claims).toMatchObject(claims);
  });

  it("artos: no claims, because they may hold the user id that mints [S7]", async () => {
    const { vault } = await signedIn("artos");
    expect(vault.snapshot()).toMatchObject({ status: "signed-in", claims: undefined });
  });

  it.each(names)(
    "%s: no secret but the access token is sent, and none is shown [S7]",
    async (name) => {
      const { vault, url, api } = await start(name);
      const credentials = await api.credentials();
      await vault.signIn(credentials);
      const echo = (await (
        await vault.fetch(`${url}${name === "vmcloud" ? "/v1" : ""}/echo`)
      ).json()) as Echo;
      expect(echo).toMatchObject({ authorization: true, tokenIndex: expect.any(Number) });
      const secrets = ["token", "password", "apiKey", "userId"].flatMap(
        (member) => credentials[member] ?? [],
      );
      expect(secrets.length).toBe(1);
      expect(findSecrets({ echo, vault, snapshot: vault.snapshot() }, secrets)).toEqual([]);
    },
  );
});
