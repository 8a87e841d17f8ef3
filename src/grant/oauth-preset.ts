/** The common part of the presets over OAuth 2.0: a server's ways and an application's make one client. */
import { own } from "../guard/json.ts";
import type { OAuthClient } from "./oauth.ts";

/** What the application has registered, and wants; the server itself is the preset's to say. */
export type PresetClient = Omit<OAuthClient, "endpoints" | "issuer">;

/** The server, and what is said there unless the application says otherwise. */
export type PresetServer = Omit<OAuthClient, "clientId" | "pushedBy" | "redirectUri" | "resource">;

/** A client without anything that was not asked for: it is made in pages, from options that may hold more. */
export function clientAt(at: PresetServer, options: PresetClient): OAuthClient {
  const server = own(at);
  const { clientId, redirectUri, scope, resource, pushedBy, dangerouslyAllowLoopbackHttp } =
    own(options);
  const parameters = own({ ...server.parameters, ...own(options).parameters });
  return own({
    ...server,
    clientId,
    redirectUri,
    scope: scope ?? server.scope,
    resource,
    parameters,
    pushedBy,
    dangerouslyAllowLoopbackHttp,
  }) as OAuthClient;
}

/** An origin from what a console shows: a host, or an address with a slash at its end. */
export const originAt = (address: string): string =>
  (/^https?:\/\//.test(address) ? address : `https://${address}`).replace(/\/+$/, "");
