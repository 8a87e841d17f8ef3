/**
 * Artos: a user id mints tokens for as long as the account exists, so that the user id is a secret.
 *
 * @see https://docs.artosai.com
 * @module
 */
import { check } from "../errors.ts";
import { atBase } from "../grant/base-url.ts";
import { minting, type MintingOptions } from "../grant/minting.ts";
import type { ReplyRules, TokenReply } from "../grant/outcome.ts";
import { given as memberOf } from "../grant/secrets.ts";
import { ask } from "../grant/token-request.ts";
import { own } from "../guard/json.ts";
import type { Provider } from "../types.ts";
import type { MintOptions, SecretOptions } from "./mint.ts";

/** What a sign-in takes. The user id is kept with the session, because it mints the next token. */
export interface ArtosCredentials {
  /** A secret: it mints tokens by itself. */
  readonly userId: string;
}

/** The options of {@link artos}. */
export interface ArtosOptions
  extends
    Omit<SecretOptions<"ARTOS_TOKEN">, "variable">,
    Pick<MintOptions<never>, "assumedLifetime" | "isRefusal" | "safe503"> {
  /** The API's address, with a path if it has one; `https://api.artosai.com` by default. */
  readonly baseURL?: string;
}

/**
 * The Artos API. `signIn({ userId })` mints a token, and the next one before that ends. `signIn()` takes a
 * token from `ARTOS_TOKEN` of `env`, which nothing renews without a user id. The API's page does not show
 * how a user id is refused: a 401 with a `detail` is assumed.
 *
 * `signIn` rejects with a `VaultError`: `invalid_option` where there is neither a user id nor a token,
 * `invalid_token` where no header can carry the token, `credentials_refused`.
 *
 * @example
 * ```ts
 * import { createVault } from "tokenkeep";
 * import { artos } from "tokenkeep/providers/artos";
 * import { memoryStore } from "tokenkeep/stores/memory";
 *
 * const vault = createVault({ provider: artos(), store: memoryStore() });
 * await vault.signIn({ userId: process.env["ARTOS_USER_ID"] ?? "" });
 * const templates = await vault.fetch("https://api.artosai.com/api/v1/templates/");
 * ```
 */
export function artos(given: ArtosOptions = {}): Provider<ArtosCredentials | void> {
  const { base, options: others } = atBase(given, "https://api.artosai.com");
  const folder = base.replace(/^\w+:\/\/[^/]*/, "");
  const { isRefusal = isDetail, safe503 } = others;
  const rules = own({ read: readToken, isRefusal, safe503 });
  const settings: MintingOptions = {
    ...others,
    name: "artos",
    origins: [base],
    publicPaths: [folder + "/get-access-token", folder + "/api/v1/search/status"],
    variable: "ARTOS_TOKEN",
    // The page does not say what the claims hold. If they hold the user id, a viewer of them can mint.
    showsClaims: false,
  };
  return minting<ArtosCredentials>(own(settings), (credentials, exchange) => {
    const userId = memberOf(credentials, "userId");
    check(userId && typeof userId === "string", "userId, a text");
    return ask({ url: base + "/get-access-token", body: { user_id: userId } }, rules, exchange);
  });
}

const isDetail = ({ status, body }: TokenReply): boolean =>
  status === 401 && typeof body?.["detail"] === "string";

const readToken: ReplyRules["read"] = ({ access_token }) => ({ accessToken: access_token });
