/**
 * Who calls the Worker: what your application's own login has signed, checked at each request. An account
 * that a request merely names is nobody's word: with it anybody would call the APIs as anybody.
 */
import { isVaultError } from "tokenkeep";
import { signJwt, verifyJwt } from "tokenkeep/jwt";

/** 32 random bytes or more, a secret of the Worker's: `npx wrangler secret put SESSION_KEY`. */
export interface VisitorEnv {
  readonly SESSION_KEY: string;
}

const ISSUER = "tokenkeep-demo";

/** The visitor's account, or `undefined` for a stranger. Replace it by what your login gives. */
export async function visitorOf(request: Request, env: VisitorEnv): Promise<string | undefined> {
  const [, token] = /^Bearer (\S+)$/.exec(request.headers.get("authorization") ?? "") ?? [];
  try {
    const { claims } = await verifyJwt(token, {
      key: env.SESSION_KEY,
      algorithms: ["HS256"],
      issuer: ISSUER,
      audience: ISSUER,
      required: ["sub"],
    });
    return claims.sub;
  } catch (error) {
    // Anything else, such as a key that is not set, is ours to mend.
    if (isVaultError(error) && error.code === "invalid_token") return undefined;
    throw error;
  }
}

/** What a login gives a visitor whom it knows: good for an hour, and for this Worker alone. */
export const sessionOf = (visitor: string, env: VisitorEnv): Promise<string> =>
  signJwt({ iss: ISSUER, aud: ISSUER, sub: visitor }, { key: env.SESSION_KEY, algorithm: "HS256" });
