/** The Worker's variables and secrets: an operator's are in `wrangler.jsonc` and `.dev.vars`. */
import type { Env } from "../worker-apis.ts";
import type { VisitorEnv } from "../worker-visitor.ts";

/** Where an API is, and what its console gives. */
export interface Known {
  readonly url: string;
  credentials(): Promise<Readonly<Record<string, string>>>;
}

/** The five: one Clary takes a key, and what is signed with it. */
export type Five = Readonly<
  Record<"vmcloud" | "artos" | "clary-jwt" | "simplismart" | "qovery", Known>
>;

export type Bindings = Env & VisitorEnv & { readonly TOKENKEEP_KEYS: string };

const randomKey = (): string =>
  Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64");

/** The keys that seal sessions and sign visitors' are made anew, here and now. */
export async function bindingsOf(apis: Five): Promise<Bindings> {
  const [user, { userId = "" }, { apiKey = "" }, model, { token = "" }] = await Promise.all([
    apis.vmcloud.credentials(),
    apis.artos.credentials(),
    apis["clary-jwt"].credentials(),
    apis.simplismart.credentials(),
    apis.qovery.credentials(),
  ]);
  return {
    VMCLOUD_URL: apis.vmcloud.url,
    VMCLOUD_EMAIL: user["email"] ?? "",
    VMCLOUD_PASSWORD: user["password"] ?? "",
    ARTOS_URL: apis.artos.url,
    ARTOS_USER_ID: userId,
    CLARY_URL: apis["clary-jwt"].url,
    CLARY_API_KEY: apiKey,
    SIMPLISMART_URL: apis.simplismart.url,
    SIMPLISMART_TOKEN: model["token"] ?? "",
    QOVERY_URL: apis.qovery.url,
    QOVERY_API_TOKEN: token,
    TOKENKEEP_KEYS: `k1:${randomKey()}`,
    SESSION_KEY: randomKey(),
  };
}
