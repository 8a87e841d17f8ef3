/**
 * A mechanism: credentials that mint tokens, again and again, and are not spent by it.
 *
 * @example
 * ```ts
 * import { mint } from "tokenkeep/providers/mint";
 *
 * const provider = mint<{ clientId: string; clientSecret: string }>({
 *   name: "acme",
 *   origins: ["https://api.acme.example"],
 *   tokenUrl: "https://api.acme.example/token",
 *   read: (body) => ({ accessToken: body["token"], expiresIn: body["expires_in"] }),
 * });
 * ```
 *
 * @module
 */
import { check } from "../errors.ts";
import type { RawGrant, ReplyRules, TokenReply } from "../grant/outcome.ts";
import {
  type Address,
  addressOf,
  asFound,
  type Env,
  found,
  type SecretOptions,
  secretOf,
  warnInBrowser,
} from "../grant/secrets.ts";
import { own } from "../guard/json.ts";
import { ask } from "../grant/token-request.ts";
import type { Exchange, Outcome, Provider, Renewal } from "../types.ts";

export type { Address, Env, RawGrant, ReplyRules, SecretOptions, TokenReply };

/** The options of {@link mint}. */
export interface MintOptions<Credentials>
  extends Address, ReplyRules, SecretOptions, Pick<Renewal, "assumedLifetime"> {
  /** Where tokens are minted, by a POST of JSON without `Authorization`; an absolute URL. */
  readonly tokenUrl: string;
  /** Makes the request's body, which is sent as JSON; the credentials as they are by default. */
  readonly write?: (credentials: Credentials) => unknown;
}

/**
 * Makes a provider that keeps the credentials with the session, sealed if the store seals, and mints
 * the next token from them. `Credentials` is a JSON value.
 *
 * With a `variable`, `signIn()` takes a token that was minted elsewhere from `env`. That token serves to
 * its end; then a sign-in is due, because a token alone mints nothing.
 *
 * `signIn` rejects with a `VaultError`: `credentials_refused`, `sign_in_failed`, and `invalid_option`
 * where there are no credentials.
 */
export function mint<Credentials>(given: MintOptions<Credentials>): Provider<Credentials | void> {
  // What is put on `Object.prototype` later on is no option (S15).
  const options = own(given);
  const { tokenUrl, write, assumedLifetime } = options;
  warnInBrowser(options);

  async function make(credentials: Credentials, exchange: Exchange): Promise<Outcome> {
    check(credentials !== null, "credentials");
    return ask(
      { url: tokenUrl, body: write ? write(credentials) : credentials },
      options,
      exchange,
    );
  }

  return own<Provider<Credentials | void>>({
    ...addressOf(options),
    renewal: own({ rotation: "none", needsRefreshToken: false, assumedLifetime }) as Renewal,
    async signIn(credentials, exchange) {
      if (credentials === undefined) return asFound(secretOf(found(options), options));
      const outcome = await make(credentials as Credentials, exchange);
      return outcome.type === "granted"
        ? { ...outcome, grant: { ...outcome.grant, material: credentials } }
        : outcome;
    },
    renew: async ({ material }, exchange) =>
      material === undefined ? { type: "refused" } : make(material as Credentials, exchange),
  });
}
