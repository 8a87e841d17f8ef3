/** What a session whose refresh token is a cookie must do in every browser, with the browser's own jar. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createVault, type Vault } from "../../src/browser.ts";
import { cookie, type CookieCredentials } from "../../src/providers/cookie.ts";
import { encrypted } from "../../src/stores/encrypted.ts";
import { indexedDbStore } from "../../src/stores/indexeddb.ts";
import type { TokenStore } from "../../src/types.ts";
import type { CookieReport } from "../apis/cookie-servers.ts";
import { clockAhead } from "../support/clock.ts";
import { freshDatabase } from "../support/browser-databases.ts";

const HOUR = 3_600_000;
const ada: CookieCredentials = { email: "ada", password: "right" };

export function cookieContract({ control }: { readonly control: string }): void {
  let api: { readonly id: number; readonly url: string };
  let passed = 0;
  let isOffline = false;
  const opened: Vault<CookieCredentials | void>[] = [];

  beforeEach(async () => {
    const reply = await fetch(`${control}/cookies/new`, { method: "POST" });
    const { id, url } = (await reply.json()) as { id: number; url: string };
    // The page's own host, so that the cookie is no third party's.
    api = { id, url: url.replace("127.0.0.1", location.hostname) };
    [passed, isOffline] = [0, false];
  });
  afterEach(async () => {
    // Cookies know no ports: the next API must not find this one's.
    await fetch(`${api.url}/auth/logout`, { method: "POST", credentials: "include" });
    for (const vault of opened.splice(0)) vault.close();
  });

  const report = async (): Promise<CookieReport> =>
    (await fetch(`${control}/cookies/${api.id}`)).json() as Promise<CookieReport>;

  const kindsOf = async (): Promise<string[]> =>
    (await report()).calls.map(({ kind }) => kind).filter((kind) => kind !== "api");

  const freshStore = (): TokenStore => encrypted(indexedDbStore({ database: freshDatabase() }));

  function open(store: TokenStore): Vault<CookieCredentials | void> {
    const vault = createVault({
      provider: cookie({
        name: `acme${api.id}`,
        origins: [api.url],
        loginUrl: `${api.url}/auth/login`,
        refreshUrl: `${api.url}/auth/refresh`,
        logoutUrl: `${api.url}/auth/logout`,
        read: (body) => ({ accessToken: body["access_token"], expiresIn: body["expires_in"] }),
      }),
      store,
      refreshAhead: false,
      dangerouslyAllowLoopbackHttp: true,
      clock: clockAhead(() => passed),
      fetch: async (input, init) => {
        if (isOffline) throw new TypeError("offline");
        return fetch(input, init);
      },
    });
    opened.push(vault);
    return vault;
  }

  const userOf = async (vault: Vault<CookieCredentials | void>): Promise<unknown> =>
    ((await (await vault.fetch(`${api.url}/v1/me`)).json()) as { user: string }).user;

  describe("cookie contract", () => {
    it("signs in, refreshes and signs out, and script sees no cookie [S7]", async () => {
      const vault = open(freshStore());
      await vault.signIn(ada);
      expect(document.cookie).not.toContain("refresh");
      passed = HOUR;
      expect(await userOf(vault)).toBe("ada");
      expect(await kindsOf()).toEqual(["login", "refresh"]);
      await vault.signOut();
      await expect.poll(async () => (await report()).users).toEqual([]);
    });

    it("vaults over an empty database find the cookie by one refresh [P1 F29]", async () => {
      await open(freshStore()).signIn(ada);
      const empty = freshStore();
      const vaults = [open(empty), open(empty), open(empty)];
      expect(await Promise.all(vaults.map(userOf))).toEqual(["ada", "ada", "ada"]);
      expect(await kindsOf()).toEqual(["login", "refresh"]);
      expect((await report()).reuses).toBe(0);
    });

    it("without a cookie it says so, and signIn() tells what to do", async () => {
      const vault = open(freshStore());
      await expect(vault.getToken()).rejects.toMatchObject({ code: "no_session" });
      await expect(vault.signIn()).rejects.toMatchObject({ code: "no_session" });
      expect(vault.snapshot().status).toBe("signed-out");
    });

    it("a sign-out made offline reaches the server before the next sign-in [S14]", async () => {
      const store = freshStore();
      const vault = open(store);
      await vault.signIn(ada);
      isOffline = true;
      await vault.signOut();
      isOffline = false;
      await open(store).signIn({ email: "grace", password: "right" });
      expect(await kindsOf()).toEqual(["login", "logout", "login"]);
      expect((await report()).users).toEqual(["grace"]);
    });
  });
}
