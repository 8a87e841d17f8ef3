/** What somebody puts on `Object.prototype` is no option, no metadata and no token (S15). */
import { afterEach, describe, expect, it } from "vitest";
import { API } from "../../support/oauth-server.ts";
import { HOUR, signedIn } from "./oauth2-stage.ts";

const NAMES = [
  ...["access_token", "id_token", "refresh_token", "token_type", "expires_in", "scope", "error"],
  ...["issuer", "endpoints", "clientSecret", "clientAuthentication", "resource", "partition"],
  ...["idTokenAlgorithms", "profile", "isRefusal", "safe503", "rotation", "assumedLifetime"],
  ...["token_endpoint", "revocation_endpoint", "jwks_uri", "mtls_endpoint_aliases"],
  ...["use_mtls_endpoint_aliases", "id_token_signed_response_alg", "default_max_age"],
  ...["require_auth_time", "client_id", "nonce", "maxAge", "codeVerifier", "redirectUri"],
  ...["DPoP", "additionalParameters", "recognizedTokenTypes", "expectedNonce", "requireIdToken"],
];

const root = Object.prototype as unknown as Record<string, unknown>;

afterEach(() => {
  for (const name of NAMES) delete root[name];
});

/** A session's life: what was sent, but for what is random. */
async function live(name?: string): Promise<unknown[]> {
  const { server, vault, pass } = await signedIn();
  if (name !== undefined) root[name] = "polluted";
  pass(HOUR);
  await vault.fetch(`${API}/a`);
  await vault.signOut();
  await new Promise((resolve) => setImmediate(resolve));
  if (name !== undefined) delete root[name];
  return server.seen.map(({ path, form, headers }) => [path, [...form], [...headers]]);
}

/** The same, polluted before the sign-in. */
async function liveFromTheStart(name: string): Promise<unknown[]> {
  root[name] = "polluted";
  try {
    return await live();
  } finally {
    delete root[name];
  }
}

describe("a polluted prototype", () => {
  it.each(NAMES)("with %s changes nothing that is sent [S15]", async (name) => {
    const clean = await live();
    expect(clean.length).toBeGreaterThan(4);
    expect(await live(name)).toEqual(clean);
    expect(await liveFromTheStart(name)).toEqual(clean);
  });
});
