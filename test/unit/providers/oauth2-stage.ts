/** A vault over a small OpenID provider, and the login that a page would have made. */
import { createVault, type Vault, type VaultEvent } from "../../../src/index.ts";
import { type CodeCredentials, oauth2, type OAuth2Options } from "../../../src/providers/oauth2.ts";
import { memoryStore } from "../../../src/stores/memory.ts";
import type { Fetch } from "../../../src/types.ts";
import { clockAhead } from "../../support/clock.ts";
import {
  API,
  challengeOf,
  CLIENT,
  ISSUER,
  type OAuthServerFake,
  oauthServer,
} from "../../support/oauth-server.ts";

export const options: OAuth2Options = {
  name: "acme",
  origins: [API],
  issuer: ISSUER,
  clientId: CLIENT,
  scope: "openid offline_access",
};

export const VERIFIER = "verifier-".padEnd(43, "x");
export const BACK = "https://app.acme.test/callback";

export interface Stage {
  readonly server: OAuthServerFake;
  readonly vault: Vault<CodeCredentials>;
  readonly events: VaultEvent[];
  pass(ms: number): void;
  /** What a login of this user brings. */
  login(sub?: string): Promise<CodeCredentials>;
}

export interface StageOptions extends Partial<OAuth2Options> {
  readonly fetch?: (server: OAuthServerFake) => Fetch;
  /** How many milliseconds this device's clock is ahead. */
  readonly ahead?: number;
}

export async function stage({ fetch: by, ahead = 0, ...more }: StageOptions = {}): Promise<Stage> {
  const server = await oauthServer();
  let passed = 0;
  server.now = () => Date.now() + passed;
  const vault = createVault({
    provider: oauth2({ ...options, ...more }),
    store: memoryStore(),
    fetch: by?.(server) ?? server.fetch,
    clock: clockAhead(() => passed + ahead),
  });
  const events: VaultEvent[] = [];
  vault.events((event) => events.push(event));
  return {
    server,
    vault,
    events,
    pass: (ms) => void (passed += ms),
    async login(sub = "ada") {
      const url = new URL(`${ISSUER}/authorize`);
      for (const [name, value] of Object.entries({
        redirect_uri: BACK,
        state: "state-1",
        nonce: "nonce-1",
        scope: (Object.hasOwn(more, "scope") ? more : options).scope ?? "",
        code_challenge: await challengeOf(VERIFIER),
      }))
        url.searchParams.set(name, value);
      return {
        callback: new URL(server.login(url, sub)).search,
        state: "state-1",
        codeVerifier: VERIFIER,
        redirectUri: BACK,
        nonce: "nonce-1",
      };
    },
  };
}

export async function signedIn(given?: StageOptions): Promise<Stage> {
  const one = await stage(given);
  await one.vault.signIn(await one.login());
  return one;
}

export const HOUR = 3_600_000;
