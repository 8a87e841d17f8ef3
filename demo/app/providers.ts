/** The APIs as their presets have them, one by a mechanism, and how a form signs in. The page shows these very lines. */
import { artos } from "tokenkeep/providers/artos";
import { clary } from "tokenkeep/providers/clary";
import { claryJwt } from "tokenkeep/providers/clary-jwt";
import { cookie } from "tokenkeep/providers/cookie";
import { oauth2 } from "tokenkeep/providers/oauth2";
import { qovery } from "tokenkeep/providers/qovery";
import { simplismart } from "tokenkeep/providers/simplismart";
import { vmcloud } from "tokenkeep/providers/vmcloud";
import type { Provider } from "tokenkeep/worker";
import type { ApiId, Form } from "./apis.ts";

/** Where an API is, and what of it is the server's to say. */
export interface Place {
  /** The API's origin. */
  readonly baseURL: string;
  /** How long the server takes a spent refresh token once more; milliseconds. */
  readonly reuseWindow: number;
}

/** One API, whatever its credentials are. */
export interface Use {
  readonly provider: (place: Place) => Provider<never>;
  readonly credentials: (form: Form) => unknown;
}

/** Checks that the credentials are the provider's. */
const use = <C>(one: {
  readonly provider: (place: Place) => Provider<C>;
  readonly credentials: (form: Form) => NoInfer<C>;
}): Use => one;

/** What a login page brings is handed to the vault as it is: see `login.ts`. */
function notByForm(): never {
  throw new TypeError("One logs in at this API's own page");
}

/** These keys are the demo's own; a real one has no place in a browser. */
const demo = { dangerouslyAllowInBrowser: true } as const;

// #region vmcloud
const useVmcloud = use({
  provider: ({ baseURL, reuseWindow }) => vmcloud({ baseURL, reuseWindow }),
  credentials: ({ email, password }) => ({ email, password }),
});
// #endregion

// #region artos
const useArtos = use({
  provider: ({ baseURL }) => artos({ baseURL, ...demo }),
  credentials: ({ userId }) => ({ userId }),
});
// #endregion

// #region clary-jwt
const useClaryJwt = use({
  provider: ({ baseURL }) => claryJwt({ baseURL, lifetime: 24_000, ...demo }),
  credentials: ({ subject, apiKey, tier }) => ({ subject, apiKey, tier: tier as "standard" }),
});
// #endregion

// #region clary
const useClary = use({
  provider: ({ baseURL }) => clary({ baseURL, ...demo }),
  credentials: ({ token }) => ({ token }),
});
// #endregion

// #region simplismart
const useSimplismart = use({
  provider: ({ baseURL }) => simplismart({ baseURL, ...demo }),
  credentials: ({ token }) => ({ token }),
});
// #endregion

// #region qovery
const useQovery = use({
  provider: ({ baseURL }) => qovery({ baseURL, ...demo }),
  credentials: ({ token }) => ({ token }),
});
// #endregion

// #region oauth
const useOAuth = use({
  provider: ({ baseURL, reuseWindow }) =>
    oauth2({
      name: "acme",
      origins: [`${baseURL}/api`],
      issuer: baseURL,
      clientId: "demo",
      scope: "openid offline_access",
      reuseWindow,
    }),
  credentials: () => notByForm(),
});
// #endregion

// #region cookie
const useCookie = use({
  provider: ({ baseURL }) =>
    cookie({
      name: "own",
      origins: [baseURL],
      loginUrl: `${baseURL}/auth/login`,
      refreshUrl: `${baseURL}/auth/refresh`,
      logoutUrl: `${baseURL}/auth/logout`,
      read: (body) => ({ accessToken: body["access_token"], expiresIn: body["expires_in"] }),
    }),
  credentials: ({ email, password }) => ({ email, password }),
});
// #endregion

export const uses: Readonly<Record<ApiId, Use>> = {
  vmcloud: useVmcloud,
  artos: useArtos,
  "clary-jwt": useClaryJwt,
  clary: useClary,
  simplismart: useSimplismart,
  qovery: useQovery,
  cookie: useCookie,
  oauth: useOAuth,
};
