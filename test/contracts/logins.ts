/**
 * What `password` must do in every runtime for the logins that frameworks ship: forms, headers, methods, tokens in a
 * header or a text, refusals by any status, and a profile. Each server is on another origin.
 */
import { afterEach, describe, expect, it } from "vitest";
import { createVault, type Vault, type VaultOptions } from "../../src/index.ts";
import { memoryStore } from "../../src/stores/memory.ts";
import { spawnApi, type SpawnedApi } from "../apis/client.ts";
import { dialects, type FrameworkName, frameworks } from "../apis/frameworks/index.ts";
import { APIKEY } from "../apis/frameworks/supabase.ts";
import { loginOf } from "../support/login-providers.ts";

type Credentials = Readonly<Record<string, string>>;

export interface LoginContract {
  /** The control server's address. */
  readonly control: string;
  /** Where the vault is, if it is not here; part of each title. */
  readonly title?: string;
  make?(options: VaultOptions<Credentials>): Vault<Credentials>;
}

/** A part of what each shows of the user; the others show nothing. */
const shown: Readonly<Partial<Record<FrameworkName, string>>> = {
  spring: "ROLE_USER",
  supabase: "user_metadata",
  devise: "ada@acme.example",
  wordpress: "user_display_name",
  strapi: "documentId",
};

export function loginContract({ control, title = "", make = createVault }: LoginContract): void {
  const open: { close(): unknown }[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map((one) => one.close()));
  });

  interface Opened {
    readonly api: SpawnedApi;
    readonly vault: Vault<Credentials>;
    readonly credentials: Credentials;
    get(): Promise<Response>;
  }

  async function signedIn(name: FrameworkName): Promise<Opened> {
    const cors = {
      allowHeaders: ["authorization", "content-type", "apikey"],
      expose: ["authorization"],
    };
    const api = await spawnApi(control, { name, cors });
    const vault = make({
      provider: loginOf(name, api.url),
      store: memoryStore(),
      dangerouslyAllowLoopbackHttp: true,
    });
    open.push(vault, api);
    const { credentials } = dialects[name];
    await vault.signIn(credentials);
    const get = (): Promise<Response> =>
      vault.fetch(`${api.url}/things`, { headers: { apikey: APIKEY } });
    return { api, vault, credentials, get };
  }

  describe.each(frameworks)(`provider contract: login of %s${title}`, (name) => {
    const dialect: (typeof dialects)[FrameworkName] = dialects[name];

    it("signs in, shows the profile, and is served; its 401 is healed, or returned [P1 P11]", async () => {
      const { api, vault, get } = await signedIn(name);
      expect((await get()).status).toBe(200);
      const { profile, generation } = vault.snapshot();
      expect([Object.isFrozen(profile), generation]).toEqual([true, 1]);
      expect(JSON.stringify(profile ?? "none")).toContain(shown[name] ?? "none");
      await api.expireAccessTokens();
      const { status } = await get();
      const counters = await api.counters();
      if ("refresh" in dialect) {
        expect([status, counters.refreshed]).toEqual([200, 1]);
        expect(vault.snapshot()).toMatchObject({ generation: 2, profile });
      } else {
        expect([status, counters.tokenCalls]).toEqual([name === "wordpress" ? 403 : 401, 0]);
      }
    });

    it("a wrong password is refused, throttling is not, and the session stays [P17]", async () => {
      const { api, vault, credentials, get } = await signedIn(name);
      const wrong = vault.signIn({ ...credentials, password: "wrong" });
      await expect(wrong).rejects.toMatchObject({ code: "credentials_refused" });
      await api.set({ mood: "throttled" });
      await expect(vault.signIn(credentials)).rejects.toMatchObject({
        code: "sign_in_failed",
        status: 429,
      });
      expect((await get()).status).toBe(200);
    });

    it.runIf("logout" in dialect)("a sign-out is heard by the server [S14]", async () => {
      const { api, vault } = await signedIn(name);
      await vault.signOut();
      const told = async (): Promise<number> => (await api.counters()).familiesRevoked;
      await expect.poll(told, { timeout: 10_000 }).toBe(1);
    });
  });
}
