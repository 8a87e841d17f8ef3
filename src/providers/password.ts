/**
 * A mechanism: a password grant for a token and a refresh token, both over JSON endpoints.
 *
 * @example
 * ```ts
 * import { password } from "tokenkeep/providers/password";
 *
 * const provider = password({
 *   name: "acme",
 *   origins: ["https://api.acme.example"],
 *   tokenUrl: "https://api.acme.example/login",
 *   refreshUrl: "https://api.acme.example/refresh",
 *   read: (body) => ({ accessToken: body["token"], refreshToken: body["refresh"] }),
 * });
 * ```
 *
 * @module
 */
import { postJson, type TokenReply } from "../engine/token-request.ts";
import type { Grant, Outcome, Provider, Renewal, TokenSet } from "../types.ts";

/** What a user types in. Sent once, never kept. */
export interface PasswordCredentials {
  readonly email: string;
  readonly password: string;
}

/** A reply's fields, as they came: the engine checks them. */
export type RawGrant = { readonly [Field in keyof Grant]?: unknown };

export interface PasswordOptions<Credentials = PasswordCredentials> extends Partial<Renewal> {
  readonly name: string;
  /** Where the token may go: exact origins, each with an optional path prefix. */
  readonly origins: readonly string[];
  readonly publicPaths?: readonly string[];
  readonly tokenUrl: string;
  readonly refreshUrl: string;
  readonly revokeUrl?: string;
  /** Reads the fields of a reply that grants. */
  readonly read: (body: Record<string, unknown>) => RawGrant;
  /** The body of a sign-in; the credentials as they are by default. */
  readonly write?: (credentials: Credentials) => unknown;
  /** Whether a reply refuses for good; by default a 400 or 401 whose body is a JSON object. */
  readonly isRefusal?: (status: number, body: Record<string, unknown>) => boolean;
  /** Whether a 503 proves that nothing was processed; `false` by default. A 429 always does. */
  readonly safe503?: boolean;
}

/** Makes a provider from endpoints and field names. Rotation is taken to be strict unless told. */
export function password<Credentials = PasswordCredentials>(
  options: PasswordOptions<Credentials>,
): Provider<Credentials> {
  const { name, origins, publicPaths, tokenUrl, refreshUrl, revokeUrl, read, write } = options;
  const { rotation = "strict", reuseWindow, assumedLifetime, safe503 } = options;
  const isRefusal = options.isRefusal ?? ((status) => status === 400 || status === 401);

  function outcome({ status, body, date, retryAfter }: TokenReply): Outcome {
    if (body && status >= 200 && status < 300)
      return { type: "granted", grant: { date, ...read(body) } as Grant };
    if (body && isRefusal(status, body)) return { type: "refused", status };
    const unprocessed = status === 429 || (status === 503 && safe503);
    return { type: "trouble", status, retryAfter, unprocessed };
  }

  return {
    name,
    origins,
    ...(publicPaths && { publicPaths }),
    renewal: {
      rotation,
      ...(reuseWindow !== undefined && { reuseWindow }),
      ...(assumedLifetime !== undefined && { assumedLifetime }),
    },
    signIn: async (credentials, exchange) =>
      outcome(await postJson(tokenUrl, write ? write(credentials) : credentials, exchange)),
    renew: async ({ refreshToken }, exchange) =>
      outcome(await postJson(refreshUrl, { refresh_token: refreshToken }, exchange)),
    ...(revokeUrl && {
      revoke: ({ accessToken, refreshToken }: TokenSet, exchange) =>
        postJson(revokeUrl, { token: refreshToken ?? accessToken }, exchange),
    }),
  };
}
