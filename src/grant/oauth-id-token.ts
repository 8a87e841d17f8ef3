/** What the check of an ID token hangs on beside the library that makes it. */
import { decodeClaims } from "../guard/claims.ts";
import { own } from "../guard/json.ts";
import { skewOf } from "./lifetime.ts";

/** How an ID token may be signed: by a key that its reader does not have. */
export const ALGORITHMS: ReadonlySet<string> = new Set(
  "RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519".split(" "),
);

/** A reply of JSON. Older browsers have no `Response.json`. */
export const replyOf = (body: unknown): Response =>
  new Response(JSON.stringify(body), own({ headers: own({ "content-type": "application/json" }) }));

/**
 * A token endpoint's reply with nothing in it but this ID token: `oauth4webapi` would refuse the real one for
 * members that tell nothing of it.
 */
export function replyWith(idToken: string): Response {
  const body = own({
    access_token: "checked already",
    token_type: "bearer",
    expires_in: undefined,
    refresh_token: undefined,
    scope: undefined,
    id_token: idToken,
  });
  const reply = new Response(null, { headers: { "content-type": "application/json" } });
  return Object.defineProperty(reply, "json", { value: async () => body });
}

/** When a reply was made, by its `Date` if it shows one, and what the clock here says; milliseconds. */
interface Moments {
  readonly date: number | undefined;
  readonly here: number;
}

/**
 * How many seconds the clock that made an ID token is ahead. It came straight from its server, in answer to
 * this login's nonce, so that its own `iat` tells that clock: within a day, as a `Date` does (F64).
 */
export function skewAt(idToken: string, { date, here }: Moments): number {
  const iat = Number(decodeClaims(idToken)?.["iat"]) * 1_000;
  const ahead = skewOf(date, here) ?? skewOf(iat, here) ?? 0;
  return (here + ahead - Date.now()) / 1_000;
}
