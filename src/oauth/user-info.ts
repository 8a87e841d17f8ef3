/** What the server says of the user, when it is asked (OpenID Connect Core §5.3). */
import type { OAuthClient } from "../grant/oauth.ts";
import { isObject, own } from "../guard/json.ts";
import { jsonIn, readText } from "../guard/replies.ts";
import { serverOf } from "./client.ts";

/** The part of a vault that is needed. */
export interface Asks {
  readonly fetch: (input: string) => Promise<Response>;
  snapshot(): { readonly profile?: Readonly<Record<string, unknown>> | undefined };
}

/**
 * The user's claims, by the session's token; `undefined` where the server has none for it, or answers with
 * somebody else's (§5.3.2). The endpoint's origin must be among the provider's `origins`. Rejects as the
 * vault's `fetch` does, and with `sign_in_failed` where the server cannot be found.
 */
export async function readUserInfo(
  client: OAuthClient,
  vault: Asks,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const { userinfo_endpoint } = await serverOf(own(client));
  if (userinfo_endpoint === undefined) return undefined;
  const response = await vault.fetch(userinfo_endpoint);
  const claims = response.ok ? jsonIn(await readText(response)) : undefined;
  if (!isObject(claims) || typeof claims["sub"] !== "string") return undefined;
  const { sub = claims["sub"] } = own({ ...vault.snapshot().profile });
  return claims["sub"] === sub ? claims : undefined;
}
