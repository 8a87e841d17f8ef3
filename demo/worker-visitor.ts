/**
 * Who calls the Worker: what your application's own login has signed, checked at each request. An account
 * that a request merely names is nobody's word: with it anybody would call the APIs as anybody.
 */
import { jwtVerify, SignJWT } from "jose";

/** 32 random bytes or more, a secret of the Worker's: `npx wrangler secret put SESSION_KEY`. */
export interface VisitorEnv {
  readonly SESSION_KEY: string;
}

const ISSUER = "tokenkeep-demo";
const keyOf = ({ SESSION_KEY }: VisitorEnv): Uint8Array => new TextEncoder().encode(SESSION_KEY);

/** The visitor's account, or `undefined` for a stranger. Replace it by what your login gives. */
export async function visitorOf(request: Request, env: VisitorEnv): Promise<string | undefined> {
  const [, token = ""] = /^Bearer (\S+)$/.exec(request.headers.get("authorization") ?? "") ?? [];
  try {
    const { payload } = await jwtVerify(token, keyOf(env), {
      algorithms: ["HS256"],
      issuer: ISSUER,
      audience: ISSUER,
      requiredClaims: ["exp", "sub"],
    });
    return payload.sub;
  } catch {
    return undefined;
  }
}

/** What a login gives a visitor whom it knows: good for an hour, and for this Worker alone. */
export const sessionOf = (visitor: string, env: VisitorEnv): Promise<string> =>
  new SignJWT({ sub: visitor })
    .setProtectedHeader({ alg: "HS256" })
    .setIssuer(ISSUER)
    .setAudience(ISSUER)
    .setExpirationTime("1h")
    .sign(keyOf(env));
