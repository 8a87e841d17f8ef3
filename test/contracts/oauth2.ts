/** The OAuth 2.0 mechanism in every runtime: what depends on the platform's crypto, `Response` and forms. */
import { describe, expect, it, vi } from "vitest";
import { API } from "../support/oauth-server.ts";
import { HOUR, signedIn, stage, type StageOptions } from "../unit/providers/oauth2-stage.ts";

export function oauth2Contract(): void {
  describe("oauth2", () => {
    it("redeems a code, checks the ID token, refreshes and revokes [P2 S12 S14]", async () => {
      const { server, vault, pass } = await signedIn();
      expect(vault.snapshot()).toMatchObject({ status: "signed-in", profile: { sub: "ada" } });
      const redeemed = await vault.authorization();
      pass(HOUR);
      await Promise.all([vault.fetch(`${API}/a`), vault.fetch(`${API}/b`)]);
      expect(await vault.authorization()).not.toBe(redeemed);
      expect(server.to("/token")).toHaveLength(2);
      await vault.signOut();
      await vi.waitFor(() => expect(server.to("/revoke")).toHaveLength(1));
    });

    it.each<[string, StageOptions, (server: Awaited<ReturnType<typeof stage>>["server"]) => void]>([
      ["a forged signature", {}, (server) => void (server.isForging = true)],
      [
        "another login's nonce",
        {},
        (server) => void (server.idToken = (told) => ({ ...told, nonce: "2" })),
      ],
      ["an algorithm not asked for", {}, (server) => void (server.alg = "RS256")],
    ])("takes no ID token with %s [S12]", async (_, options, spoil) => {
      const { vault, server, login } = await stage(options);
      spoil(server);
      const error: unknown = await vault.signIn(await login()).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: "sign_in_failed", reason: "id_token_invalid" });
    });

    it("takes RS256 where it is asked for", async () => {
      const { vault, server, login } = await stage({ idTokenAlgorithms: ["RS256"] });
      server.alg = "RS256";
      await vault.signIn(await login());
      expect(vault.snapshot().status).toBe("signed-in");
    });

    it("refuses a code whose verifier is another's", async () => {
      const { vault, login } = await stage();
      const code = { ...(await login()), codeVerifier: "another".repeat(9) };
      const error: unknown = await vault.signIn(code).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: "credentials_refused", status: 400 });
    });
  });
}
