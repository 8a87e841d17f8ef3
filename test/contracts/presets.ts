/** The five APIs' presets in a runtime: real sockets, real CORS where there is any, real signatures. */
import { afterEach, describe, expect, it } from "vitest";
import { createVault, type Provider, type Vault } from "../../src/index.ts";
import { artos } from "../../src/providers/artos.ts";
import { clary } from "../../src/providers/clary.ts";
import { claryJwt } from "../../src/providers/clary-jwt.ts";
import { qovery } from "../../src/providers/qovery.ts";
import { simplismart } from "../../src/providers/simplismart.ts";
import { vmcloud } from "../../src/providers/vmcloud.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { spawnApi } from "../apis/client.ts";

const dangerouslyAllowInBrowser = true;

/** What each server is asked for, and whether a new token can be had. */
const presets: readonly [
  name: "vmcloud" | "simplismart" | "artos" | "qovery" | "clary" | "clary-jwt",
  make: (baseURL: string) => Provider<any>,
  path: string,
  heals: boolean,
][] = [
  ["vmcloud", (baseURL) => vmcloud({ baseURL }), "/v1/vms", true],
  [
    "simplismart",
    (baseURL) => simplismart({ baseURL, dangerouslyAllowInBrowser }),
    "/deployments/list/model/",
    false,
  ],
  ["artos", (baseURL) => artos({ baseURL, dangerouslyAllowInBrowser }), "/api/v1/templates/", true],
  ["qovery", (baseURL) => qovery({ baseURL, dangerouslyAllowInBrowser }), "/organization", false],
  ["clary", (baseURL) => clary({ baseURL, dangerouslyAllowInBrowser }), "/v1/documents", false],
  [
    "clary-jwt",
    (baseURL) => claryJwt({ baseURL, dangerouslyAllowInBrowser }),
    "/v1/documents",
    true,
  ],
];

/** `control` is the control server's address. */
export function presetsContract({ control }: { readonly control: string }): void {
  describe("presets", () => {
    const open: { close(): unknown }[] = [];
    afterEach(async () => {
      await Promise.all(open.splice(0).map((one) => one.close()));
    });

    it.each(presets)("%s: sign-in, request, 401, and what then can be done", async (...preset) => {
      const [name, make, path, heals] = preset;
      const api = await spawnApi(control, { name });
      let passed = 0;
      const vault: Vault<any> = createVault({
        provider: make(api.url),
        store: memoryStore(),
        dangerouslyAllowLoopbackHttp: true,
        clock: {
          now: () => Date.now() + passed,
          running: () => performance.now(),
          setTimeout: (callback, ms) => setTimeout(callback, ms),
          clearTimeout: (handle) => clearTimeout(handle as number),
        },
      });
      open.push(api, vault);
      await vault.signIn(await api.credentials());
      expect((await vault.fetch(api.url + path)).status).toBe(200);

      if (heals) await api.expireAccessTokens();
      else await api.revoke();
      // A JWT signed within the same second is the same JWT.
      passed = 2_000;
      await api.set({ clockOffset: passed });
      const reply = await vault.fetch(`${api.url}${path}?n=1`);
      expect(reply.status).toBe(heals ? 200 : 401);
      // Not by readProblem(): under happy-dom a response that was cloned has no body any more.
      if (!heals) expect(await reply.text()).toMatch(/invalid/i);
      expect((await api.counters()).sends).toEqual({ 1: heals ? 2 : 1 });
      expect(vault.snapshot().generation).toBe(heals ? 2 : 1);
    });
  });
}
