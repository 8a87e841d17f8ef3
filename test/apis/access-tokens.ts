/**
 * Access tokens of a test API: real JWTs (HS256), known one by one, so that they can be ended
 * before their time and named in replies without being shown.
 */
import { jwtVerify, type JWTPayload, SignJWT } from "jose";

export interface IssuedToken {
  readonly token: string;
  /** Milliseconds; whole seconds, as `exp` tells them. */
  readonly expiresAt: number;
  /** Counted from 1. */
  readonly index: number;
}

export interface CheckedToken {
  readonly claims: JWTPayload;
  readonly index: number;
}

export interface AccessTokens {
  /** `life` in milliseconds, rounded up to whole seconds. */
  issue(claims: JWTPayload, life: number, family?: number): Promise<IssuedToken>;
  /** What a token says, if it was issued here, has not expired and was not killed. */
  check(token: string): Promise<CheckedToken | undefined>;
  /** Ends every token issued so far; with `family`, those of this one. */
  kill(family?: number): void;
}

export function createAccessTokens(options: { now: () => number }): AccessTokens {
  const { now } = options;
  // Made on first use: workerd allows no randomness in global scope.
  let key: Uint8Array | undefined;
  const secret = (): Uint8Array => (key ??= crypto.getRandomValues(new Uint8Array(32)));
  const living = new Map<string, { index: number; family: number | undefined }>();
  let issued = 0;

  return {
    async issue(claims, life, family) {
      const jti = crypto.randomUUID();
      const index = (issued += 1);
      const issuedAt = Math.floor(now() / 1000);
      const expiry = issuedAt + Math.ceil(life / 1000);
      // Before the first await: a kill from here on hits this token too.
      living.set(jti, { index, family });
      const token = await new SignJWT({ ...claims, iat: issuedAt, exp: expiry, jti })
        .setProtectedHeader({ alg: "HS256", typ: "JWT" })
        .sign(secret());
      return { token, expiresAt: expiry * 1000, index };
    },

    async check(token) {
      let claims: JWTPayload;
      try {
        const verified = await jwtVerify(token, secret(), {
          algorithms: ["HS256"],
          currentDate: new Date(now()),
          requiredClaims: ["exp", "jti"],
        });
        claims = verified.payload;
      } catch {
        return undefined;
      }
      const entry = living.get(claims.jti ?? "");
      return entry && { claims, index: entry.index };
    },

    kill(family) {
      for (const [jti, entry] of living) {
        if (family === undefined || entry.family === family) living.delete(jti);
      }
    },
  };
}
