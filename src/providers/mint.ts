/**
 * A mechanism: something that one has mints tokens, again and again, and is spent by none of it.
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
import { outcomeOf, type RawGrant, type ReplyRules } from "../grant/outcome.ts";
import {
  type Address,
  addressOf,
  asFound,
  type Env,
  type SecretOptions,
  secretOf,
  warnInBrowser,
} from "../grant/secrets.ts";
import { postJson } from "../grant/token-request.ts";
import type { Exchange, Outcome, Provider, Renewal } from "../types.ts";

export type { Address, Env, RawGrant, ReplyRules, SecretOptions };

export interface MintOptions<Credentials>
  extends Address, ReplyRules, SecretOptions, Pick<Renewal, "assumedLifetime"> {
  /** Where tokens are minted, by a POST of JSON. It gets no `Authorization`. */
  readonly tokenUrl: string;
  /** The request's body; the credentials as they are by default. */
  readonly write?: (credentials: Credentials) => unknown;
}

/**
 * Makes a provider that keeps the credentials with the session, sealed if the store seals, and mints
 * the next token from them. `Credentials` is a JSON value.
 *
 * With a `variable`, `signIn()` takes a token that was minted elsewhere from `env`. It serves to its
 * end; then a sign-in is due, because a token alone mints nothing.
 */
export function mint<Credentials>(options: MintOptions<Credentials>): Provider<Credentials | void> {
  const { tokenUrl, write, assumedLifetime } = options;
  warnInBrowser(options);

  const ask = async (credentials: Credentials, exchange: Exchange): Promise<Outcome> =>
    outcomeOf(
      await postJson(tokenUrl, write ? write(credentials) : credentials, exchange),
      options,
    );

  return {
    ...addressOf(options),
    renewal: { rotation: "none", needsRefreshToken: false, assumedLifetime } as Renewal,
    async signIn(credentials, exchange) {
      if (credentials === undefined) return asFound(secretOf(undefined, options, options.scheme));
      const outcome = await ask(credentials as Credentials, exchange);
      return outcome.type === "granted"
        ? { ...outcome, grant: { ...outcome.grant, material: credentials } }
        : outcome;
    },
    renew: async ({ material }, exchange) =>
      material === undefined ? { type: "refused" } : ask(material as Credentials, exchange),
  };
}
