/** What the options of an OAuth server have to be. */
import { check } from "../errors.ts";
import { type OAuthClient, parseUrl } from "./oauth.ts";
import { isInBrowser } from "./secrets.ts";

/** A client, and its secret if it has one. */
export interface RegisteredClient extends OAuthClient {
  readonly clientSecret?: string;
  readonly dangerouslyAllowInBrowser?: boolean;
}

export const isOpenId = (scope = ""): boolean => scope.split(" ").includes("openid");

/** `undefined` as text is a variable that is not set (S17). */
const isGiven = (value: unknown): boolean =>
  typeof value === "string" && !/^(undefined|null)?$/.test(value);

export function checkOptions(options: RegisteredClient): void {
  const { clientId, issuer, endpoints, scope, clientSecret, dangerouslyAllowInBrowser } = options;
  check(clientId && typeof clientId === "string", "clientId");
  check(issuer ?? endpoints?.token, "issuer, or endpoints with token");
  check(issuer === undefined || parseUrl(issuer), "issuer, an absolute URL");
  check(issuer ?? !isOpenId(scope), "issuer, because the scope openid brings an ID token of one");
  check(clientSecret === undefined || isGiven(clientSecret), "clientSecret, a text");
  check(
    clientSecret === undefined || dangerouslyAllowInBrowser || !isInBrowser(),
    "no clientSecret in a browser, where everyone can read it. Register a public client",
  );
}
