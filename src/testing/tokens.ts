/** The tokens that a fake API has given out: which are alive, and which have been spent. */
import type { TokenSet } from "../types.ts";

/** What the tokens of an API live by. */
export interface TokenRules {
  /**
   * `"strict"`: a refresh token is good once, and using it again ends the whole sign-in (RFC 9700 §4.14.2).
   * `"none"`: it may be used again and again. `"strict"` by default.
   */
  readonly rotation?: "strict" | "none";
  /** For how many milliseconds after its first use a refresh token is taken again; 0 by default. */
  readonly reuseWindow?: number;
  /** How many milliseconds an access token lives; 3,600,000 by default. */
  readonly life?: number;
  /** Makes access tokens JWTs that say this, besides `iat` and `exp`. Nobody has signed them. */
  readonly claims?: Readonly<Record<string, unknown>>;
}

/** One reply's tokens. */
export interface IssuedTokens extends TokenSet {
  readonly refreshToken: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  /** Whole seconds, as `expires_in` tells them. */
  readonly expiresIn: number;
}

export interface Tokens {
  /** The tokens of a new sign-in. */
  begin(): IssuedTokens;
  /** The next tokens for a refresh token; `"reused"` ends its sign-in, `undefined` is unknown or ended. */
  refresh(refreshToken: string): IssuedTokens | "reused" | undefined;
  isAlive(accessToken: string): boolean;
  /** Ends the sign-in that a token belongs to. */
  end(token: string): void;
  /** Ends all access tokens, and no refresh token. */
  expire(): void;
  /** Ends all tokens. */
  revoke(): void;
}

interface Held {
  /** The sign-in that it comes from. */
  readonly family: number;
  readonly endsAt: number;
  readonly firstUsedAt?: number;
}

export function createTokens(rules: TokenRules, now: () => number): Tokens {
  const { rotation = "strict", reuseWindow = 0, life = 3_600_000, claims } = rules;
  const access = new Map<string, Held>();
  const refresh = new Map<string, Held>();
  let families = 0;
  let issued = 0;

  function issue(family: number, kept?: string): IssuedTokens {
    const index = ++issued;
    const expiresAt = now() + life;
    const accessToken = claims
      ? unsignedJwt(claims, { iat: now(), exp: expiresAt, jti: index })
      : `access-${index}`;
    const refreshToken = kept ?? `refresh-${index}`;
    access.set(accessToken, { family, endsAt: expiresAt });
    if (kept === undefined) refresh.set(refreshToken, { family, endsAt: Infinity });
    return { accessToken, refreshToken, expiresAt, expiresIn: Math.floor(life / 1000) };
  }

  function endFamily(family: number | undefined): void {
    for (const held of [access, refresh])
      for (const [token, one] of held) if (one.family === family) held.delete(token);
  }

  return {
    begin: () => issue(++families),
    refresh(token) {
      const held = refresh.get(token);
      if (!held) return undefined;
      const { family, firstUsedAt = now() } = held;
      if (rotation === "none") return issue(family, token);
      const isFirst = held.firstUsedAt === undefined;
      if (!isFirst && now() - firstUsedAt >= reuseWindow) {
        endFamily(family);
        return "reused";
      }
      refresh.set(token, { ...held, firstUsedAt });
      return issue(family);
    },
    isAlive: (token) => (access.get(token)?.endsAt ?? -Infinity) > now(),
    end: (token) => endFamily((access.get(token) ?? refresh.get(token))?.family),
    expire: () => access.clear(),
    revoke() {
      access.clear();
      refresh.clear();
    },
  };
}

const base64url = (text: string): string =>
  btoa(String.fromCharCode(...new TextEncoder().encode(text)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");

/** RFC 7519: times in seconds; those that are given, in milliseconds. */
function unsignedJwt(
  claims: object,
  { iat, exp, jti }: Record<"iat" | "exp" | "jti", number>,
): string {
  const seconds = (ms: number): number => Math.floor(ms / 1000);
  const body = { ...claims, iat: seconds(iat), exp: seconds(exp), jti: String(jti) };
  return [{ alg: "HS256", typ: "JWT" }, body, "nobody"]
    .map((part) => base64url(typeof part === "string" ? part : JSON.stringify(part)))
    .join(".");
}
