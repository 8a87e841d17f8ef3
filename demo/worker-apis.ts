/** What the Worker calls, and what it signs in with. Keep the lines of the APIs that you have. */
import { artos } from "tokenkeep/providers/artos";
import { clary } from "tokenkeep/providers/clary";
import { claryJwt } from "tokenkeep/providers/clary-jwt";
import { qovery } from "tokenkeep/providers/qovery";
import { simplismart } from "tokenkeep/providers/simplismart";
import { vmcloud } from "tokenkeep/providers/vmcloud";

/** The variables of `wrangler.jsonc`, and the secrets. */
export type Env = Readonly<
  Record<
    | "VMCLOUD_URL"
    | "VMCLOUD_EMAIL"
    | "VMCLOUD_PASSWORD"
    | "ARTOS_URL"
    | "ARTOS_USER_ID"
    | "CLARY_URL"
    | "CLARY_API_KEY"
    | "SIMPLISMART_URL"
    | "SIMPLISMART_TOKEN"
    | "QOVERY_URL"
    | "QOVERY_API_TOKEN",
    string
  >
>;

/** What is asked for. Without credentials a provider takes its token or key from the `env` it has. */
interface Call {
  readonly url: string;
  readonly credentials?: object;
}

export const providers = (env: Env) => ({
  vmcloud: vmcloud({ baseURL: env.VMCLOUD_URL }),
  artos: artos({ baseURL: env.ARTOS_URL }),
  "clary-jwt": claryJwt({ baseURL: env.CLARY_URL, env }),
  clary: clary({ baseURL: env.CLARY_URL, env }),
  simplismart: simplismart({ baseURL: env.SIMPLISMART_URL, env }),
  qovery: qovery({ baseURL: env.QOVERY_URL, env }),
});

export const calls = (env: Env): Record<string, Call> => ({
  vmcloud: {
    url: `${env.VMCLOUD_URL}/v1/vms`,
    credentials: { email: env.VMCLOUD_EMAIL, password: env.VMCLOUD_PASSWORD },
  },
  artos: {
    url: `${env.ARTOS_URL}/api/v1/templates/`,
    credentials: { userId: env.ARTOS_USER_ID },
  },
  "clary-jwt": { url: `${env.CLARY_URL}/v1/documents`, credentials: { subject: "worker" } },
  clary: { url: `${env.CLARY_URL}/v1/documents` },
  simplismart: { url: `${env.SIMPLISMART_URL}/deployments/list/model/` },
  qovery: { url: `${env.QOVERY_URL}/organization` },
});
