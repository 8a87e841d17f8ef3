/**
 * A mechanism: assertions that the application signs with a private key and exchanges for tokens at a
 * token endpoint (RFC 7523 §2.1), as Google's service accounts do. `jose` has to be installed beside
 * tokenkeep.
 *
 * @example
 * ```ts
 * import { jwtBearer } from "tokenkeep/providers/jwt-bearer";
 *
 * const tokenUrl = "https://oauth2.googleapis.com/token";
 * const provider = jwtBearer<{ client_email: string; private_key: string; private_key_id: string }>({
 *   name: "google",
 *   origins: ["https://storage.googleapis.com"],
 *   tokenUrl,
 *   key: (file) => file.private_key,
 *   protectedHeader: (file) => ({ kid: file.private_key_id }),
 *   claims: (file) => ({
 *     iss: file.client_email,
 *     aud: tokenUrl,
 *     scope: "https://www.googleapis.com/auth/devstorage.read_only",
 *   }),
 * });
 * ```
 *
 * @module
 */
import { SignJWT } from "jose";
import { check, isVaultError, VaultError } from "../errors.ts";
import { requestOf } from "../grant/call.ts";
import { skewOf } from "../grant/lifetime.ts";
import { BY_MATERIAL } from "../grant/material.ts";
import type { RawGrant, ReplyRules, TokenReply } from "../grant/outcome.ts";
import {
  type Address,
  addressOf,
  type Env,
  found,
  keyOf,
  type SecretOptions,
  warnInBrowser,
} from "../grant/secrets.ts";
import { ask } from "../grant/token-request.ts";
import { type KeyPairAlgorithm, KINDS } from "../key/algorithms.ts";
import { copyOf, isObject, own } from "../guard/json.ts";
import type { Jwk } from "../key/key-pairs.ts";
import { importPrivateKey, kidOf } from "../key/private-key.ts";
import type { Exchange, Fetch, Outcome, Provider, Renewal } from "../types.ts";

export type {
  Address,
  Env,
  Jwk,
  KeyPairAlgorithm,
  RawGrant,
  ReplyRules,
  SecretOptions,
  TokenReply,
};

/** The options of {@link jwtBearer}. */
export interface JwtBearerOptions<Credentials>
  extends
    Address,
    Omit<ReplyRules, "read">,
    Partial<Pick<ReplyRules, "read">>,
    SecretOptions,
    Pick<Renewal, "assumedLifetime"> {
  /** The absolute URL at which assertions are exchanged, by a POST of a form. */
  readonly tokenUrl: string;
  /**
   * Makes the assertion's claims: `iss` and `aud` (RFC 7523 §3), and what the server wants besides, such
   * as `sub`, `scope` or Google's `target_audience`. `iat` and `exp` are added. An error that it throws is
   * never shown.
   */
  readonly claims: (credentials: Credentials) => Readonly<Record<string, unknown>>;
  /**
   * Finds the private key among the credentials, which are kept with the session: PKCS#8 PEM, whose line
   * breaks may be written as `\n`, or a JWK, which may be JSON. Where it gives none, the key is read from
   * `variable` of `env` at each signature, and not stored.
   */
  readonly key: (credentials: Credentials) => string | Jwk | undefined;
  /** `"RS256"` by default. */
  readonly algorithm?: KeyPairAlgorithm;
  /**
   * Makes more members of the assertion's header, such as `kid`; a JWK's own `kid` by default. `alg` is
   * set here. An error that it throws is never shown.
   */
  readonly protectedHeader?: (credentials: Credentials) => Readonly<Record<string, unknown>>;
  /**
   * How many milliseconds an assertion is good, rounded to seconds; 300,000 (five minutes) by default. The
   * server says how long the token is good.
   */
  readonly assertionLifetime?: number;
}

/** RFC 7523 §2.1. */
const GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/**
 * In milliseconds: a smaller difference between two clocks makes no assertion good. A `Date` has no
 * fractions of a second, and a reply takes a while.
 */
const NEWS = 2_000;

/** RFC 6749 §5.1; Google answers `target_audience` with an `id_token` alone. */
const readReply: ReplyRules["read"] = ({ access_token, id_token, expires_in, scope }) => ({
  accessToken: access_token ?? id_token,
  expiresIn: expires_in,
  scope,
});

/** An exchange that notes the time of its reply, as far as the runtime shows it. */
function noting(exchange: Exchange): Exchange & { readonly seen: { ahead?: number | undefined } } {
  const seen: { ahead?: number | undefined } = {};
  const fetch: Fetch = async (input, init) => {
    const response = await exchange.fetch(input, init);
    const date = Date.parse(response.headers.get("date") ?? "");
    seen.ahead = skewOf(date, exchange.now());
    return response;
  };
  return { ...exchange, fetch, seen };
}

/**
 * Makes a provider that keeps the credentials with the session, sealed if the store seals, and signs the
 * next assertion with them. `Credentials` is a JSON value. Nothing is spent by an exchange.
 *
 * An assertion needs the server's time. Where the token endpoint refuses an assertion, and shows a time that
 * differs from this clock's by less than a day, the assertion is signed once more by the server's time. Where
 * the endpoint shows no time, nobody can tell a refused key from a wrong clock: `signIn` rejects with
 * `clock_unknown`; later the session is kept, and calls reject with `refresh_failed`, reason
 * `server_time_unknown`.
 *
 * `signIn` rejects with a `VaultError`: `credentials_refused`, `sign_in_failed`, `clock_unknown`, and
 * `invalid_option` where there is no key or one that the algorithm does not take (then `reason` is a
 * `KeyFlaw`).
 *
 * @throws VaultError `invalid_option` when there is no such `algorithm`, or `assertionLifetime` is under a
 * second or has no end.
 * @see https://developers.google.com/identity/protocols/oauth2/service-account
 */
export function jwtBearer<Credentials>(
  given: JwtBearerOptions<Credentials>,
): Provider<Credentials> {
  // What is put on `Object.prototype` later on is no option (S15).
  const options = own(given);
  const { tokenUrl, claims, key, protectedHeader, assumedLifetime } = options;
  const { algorithm = "RS256", assertionLifetime = 300_000, read = readReply } = options;
  check(Object.hasOwn(KINDS, algorithm), "algorithm, such as RS256");
  check(
    assertionLifetime >= 1_000 && assertionLifetime < Infinity,
    "assertionLifetime, of at least 1000 ms",
  );
  warnInBrowser(options);
  const rules: ReplyRules = own({ ...options, read });
  /** How many milliseconds the server's clock is ahead of the one here, as its last refusal showed. */
  let ahead = 0;

  async function sign(credentials: Credentials, now: number): Promise<string> {
    const half = keyOf(key(credentials) ?? found(options), options);
    const iat = Math.floor(now / 1_000);
    return new SignJWT({ ...claims(credentials) })
      .setProtectedHeader({
        typ: "JWT",
        ...kidOf(half),
        ...protectedHeader?.(credentials),
        alg: algorithm,
      })
      .setIssuedAt(iat)
      .setExpirationTime(iat + Math.round(assertionLifetime / 1_000))
      .sign(await importPrivateKey(half, algorithm));
  }

  async function send(credentials: Credentials, exchange: Exchange): Promise<Outcome> {
    let assertion: string;
    try {
      assertion = await sign(credentials, exchange.now() + ahead);
    } catch (error) {
      if (isVaultError(error)) throw error;
      // Errors of jose carry claims: never handed on (S4).
      return { type: "trouble", reason: "not_signed" };
    }
    const body = new URLSearchParams([
      ["grant_type", GRANT_TYPE],
      ["assertion", assertion],
    ]);
    return ask(requestOf(tokenUrl, { body }), rules, exchange);
  }

  /** `kept` are the credentials as they were when this began. */
  async function exchangeFor(
    credentials: Credentials,
    given_: Exchange,
    kept: Credentials = credentials,
  ): Promise<Outcome> {
    check(isObject(credentials), "credentials, an object");
    const exchange = noting(given_);
    const outcome = await send(credentials, exchange);
    const { ahead: seen } = exchange.seen;
    if (outcome.type !== "refused") return outcome;
    if (seen !== undefined && Math.abs(seen - ahead) <= NEWS) return outcome;
    if (seen !== undefined) {
      ahead = seen;
      return send(kept, exchange);
    }
    const { status } = outcome;
    const reason = "server_time_unknown";
    const error = new VaultError("clock_unknown", undefined, { status, reason });
    return { type: "trouble", status, reason, error };
  }

  return own<Provider<Credentials>>({
    ...addressOf(options),
    renewal: own({ ...BY_MATERIAL, assumedLifetime }),
    async signIn(credentials, exchange) {
      // As they are signed: an application may use one object for all of its accounts (S11).
      const material = copyOf(credentials);
      const outcome = await exchangeFor(credentials, exchange, material as Credentials);
      return outcome.type === "granted"
        ? { ...outcome, grant: { ...outcome.grant, material } }
        : outcome;
    },
    renew: async ({ material }, exchange) =>
      material === undefined ? { type: "refused" } : exchangeFor(material as Credentials, exchange),
  });
}
