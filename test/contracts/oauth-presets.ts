/** What every preset over OAuth must do in every runtime, against a server that behaves as its pages say. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { brandNames } from "../apis/oauth/brands.ts";
import { type Opened, openPreset, signedInTo } from "../support/preset-logins.ts";

export function oauthPresetContract(): void {
  const open: Opened[] = [];
  afterEach(() => open.splice(0).forEach(({ vault }) => vault.close()));

  async function signedIn(...given: Parameters<typeof signedInTo>): Promise<Opened> {
    const opened = await signedInTo(...given);
    open.push(opened);
    return opened;
  }

  describe.each(brandNames)("provider contract: %s", (name) => {
    it("signs in by a code; a 401 is healed by one refresh for all [P1 P11]", async () => {
      const { vault, api, brand, pass, get } = await signedIn(name);
      expect(await (await get()).json()).toMatchObject({ sub: "ada" });
      expect(vault.snapshot()).toMatchObject({ status: "signed-in", generation: 1 });
      const profile = brand.places.metadata ? { sub: "ada", name: "Ada Lovelace" } : undefined;
      if (profile) expect(vault.snapshot().profile).toMatchObject(profile);
      api.expireAccessTokens();
      pass(10_000);
      const replies = await Promise.all(Array.from({ length: 6 }, (_, n) => get(`/things?n=${n}`)));
      expect(replies.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200]);
      expect(api.counters()).toMatchObject({ tokenCalls: 1, refreshed: 1, reuseDetections: 0 });
      expect(api.counters().maxSendsPerRequestId).toBe(2);
      expect(vault.snapshot().generation).toBe(2);
    });

    it("is refreshed in time, again and again, whatever a reply leaves out [F23]", async () => {
      const { vault, api, pass, get } = await signedIn(name);
      for (const generation of [2, 3, 4]) {
        const { issuedAt = 0, expiresAt = 0 } = vault.snapshot();
        // Entra's logins end after a day, and its tokens live for an hour.
        pass(expiresAt - issuedAt);
        expect((await get()).status).toBe(200);
        expect(vault.snapshot().generation).toBe(generation);
      }
      expect(api.counters()).toMatchObject({ refreshed: 3, unauthorized: 0, reuseDetections: 0 });
    });

    it("a refused refresh token asks for a sign-in, which a busy server does not refuse [P17]", async () => {
      const { vault, api, pass, get, login } = await signedIn(name);
      api.revoke();
      api.expireAccessTokens();
      pass(10_000);
      await expect(get()).rejects.toMatchObject({ code: "sign_in_required" });
      expect(vault.snapshot().status).toBe("sign-in-required");
      const code = await login();
      api.fault("token", { status: 503, body: { error: "temporarily_unavailable" } });
      await expect(vault.signIn(code)).rejects.toMatchObject({ code: "sign_in_failed" });
      await vault.signIn(code);
      expect((await get()).status).toBe(200);
    });

    it("a code of somebody else's login is refused", async () => {
      const opened = openPreset(name);
      open.push(opened);
      const code = { ...(await opened.login()), codeVerifier: "another".repeat(9) };
      const error: unknown = await opened.vault.signIn(code).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: "credentials_refused" });
    });

    it("a sign-out is heard by the server, where it listens [S14]", async () => {
      const { vault, api, brand } = await signedIn(name);
      expect(api.users()).toEqual(["ada"]);
      await vault.signOut();
      const listens = brand.places.revoke !== undefined || brand.deletes !== undefined;
      if (listens) await vi.waitFor(() => expect(api.users()).toEqual([]), { timeout: 10_000 });
      expect(vault.snapshot().status).toBe("signed-out");
    });
  });
}
