/** The common part of the presets over OAuth 2.0: a server's ways and an application's make one client. */
import { check } from "../errors.ts";
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

/**
 * An option that names a server, or its part. One that is missing would become a host or a path of that name:
 * `https://undefined` (S17).
 */
export function placeIn(value: unknown, name: string): string {
  check(typeof value === "string" && !/^(undefined|null)?$/.test(value), `${name}, a text`);
  return value;
}

/** An origin from what a console shows: a host, or an address with a slash at its end. `name` is the option's. */
export function originAt(value: unknown, name: string): string {
  const address = placeIn(value, name);
  return (/^https?:\/\//.test(address) ? address : `https://${address}`).replace(/\/+$/, "");
}
