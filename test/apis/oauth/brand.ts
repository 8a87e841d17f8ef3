/** What one OAuth server does otherwise than another, by its public documentation. */
import type { Rotation } from "../token-families.ts";
import { type Call, json } from "../replies.ts";

/** Where a server answers; absolute URLs. */
export interface OAuthPlaces {
  /** Absent where there is no metadata. */
  readonly metadata?: string;
  readonly authorize: string;
  readonly token: string;
  readonly revoke?: string;
  readonly keys?: string;
  readonly userInfo?: string;
  readonly logout?: string;
  /** An API behind the tokens: whatever lies at or below it. */
  readonly api: string;
}

/** Why a token endpoint grants nothing. */
export type Denial = "client" | "code" | "refresh token" | "request";

export interface Login {
  /** The query of the authorization URL. */
  readonly query: URLSearchParams;
  readonly subject: string;
  /** Whether this user has never let this client in before. */
  readonly isFirst: boolean;
}

export interface OAuthBrand {
  /** As its metadata, ID tokens and callbacks name it. */
  readonly issuer: string;
  readonly places: OAuthPlaces;
  readonly clientId: string;
  /** The token endpoint wants it; none by default. */
  readonly clientSecret?: string;
  /** In milliseconds; an hour by default. */
  readonly life?: number;
  /** `"strict"` by default. */
  readonly rotation?: Rotation;
  /** For rotation `"window"`, milliseconds. */
  readonly reuseWindow?: number;
  /** Milliseconds since the login, after which nothing refreshes; no end by default. */
  readonly loginLife?: number;
  /** Whether a login gets a refresh token; always by default. */
  readonly isOffline?: (login: Login) => boolean;
  /** Scopes that the login page refuses; none by default. */
  readonly unknownScopes?: readonly string[];
  /** Whether the reply to a refresh has the refresh token in it although it is the same; default true. */
  readonly repeatsRefreshToken?: boolean;
  /** A refresh ends the access tokens of its login; default false. */
  readonly endsAccessTokens?: boolean;
  /** Whether a callback names the issuer (RFC 9207); default false. */
  readonly namesIssuer?: boolean;
  /** Whether a browser may be sent back there; anywhere by default. */
  readonly redirectsTo?: (redirectUri: string) => boolean;
  /** Whether the login page fills its password in; default false. */
  readonly showsPassword?: boolean;
  /** Begins its access tokens. */
  readonly prefix?: string;
  /** RFC 6749 §5.2, with status 400, by default. */
  readonly denied?: (why: Denial) => Response;
  /** What a reply with tokens has besides. */
  readonly besides?: (login: Login) => object;
  /** The access token that a call deletes, in another way than RFC 7009's; `undefined` if it is no such call. */
  readonly deletes?: (call: Call) => string | undefined;
}

const CODES: Readonly<Record<Denial, string>> = {
  client: "invalid_client",
  code: "invalid_grant",
  "refresh token": "invalid_grant",
  request: "invalid_request",
};

export const denied = (why: Denial, status = why === "client" ? 401 : 400): Response =>
  json(status, { error: CODES[why], error_description: `The ${why} is not accepted` });

export const hasScope = (query: URLSearchParams, scope: string): boolean =>
  (query.get("scope") ?? "").split(" ").includes(scope);

/** With the scope `offline_access` alone, as OpenID Connect Core §11 has it. */
export const byScope = ({ query }: Login): boolean => hasScope(query, "offline_access");
