/** An OAuth 2.0 server as its metadata describes it, and a client of it: what page and provider share. */
import { isObject, own } from "../guard/json.ts";
import type { Exchange } from "../types.ts";
import { send } from "./token-request.ts";

/** Where a server without metadata answers; absolute URLs. */
export interface OAuthEndpoints {
  readonly authorization?: string;
  /** Takes what a login wants before the browser leaves (RFC 9126). */
  readonly pushedAuthorization?: string;
  readonly token?: string;
  readonly revocation?: string;
  readonly userInfo?: string;
  readonly endSession?: string;
  /** The keys that sign ID tokens. */
  readonly jwks?: string;
}

/** What the application has registered with the server. Nothing in it is a secret. */
export interface OAuthClient {
  /**
   * The server's issuer identifier, an https URL (RFC 8414 §2). Its metadata is looked up where no `endpoints`
   * are given. ID tokens and `iss` (RFC 9207) are compared with it.
   */
  readonly issuer?: string;
  /** The server's endpoints, in the place of metadata, which is then not looked up. */
  readonly endpoints?: OAuthEndpoints;
  readonly clientId: string;
  /**
   * Where the server sends the browser back to; as registered, or as a path of the page's origin. `"/"` by
   * default, the page's root.
   */
  readonly redirectUri?: string;
  /** Space-separated. With `openid` an ID token is wanted, and checked; none by default. */
  readonly scope?: string;
  /** The APIs that the tokens are for (RFC 8707); none by default. */
  readonly resource?: string | readonly string[];
  /**
   * Sent to the login page with each login, such as `{ audience: "…" }`; none by default. They replace nothing
   * that keeps a login safe.
   */
  readonly parameters?: Readonly<Record<string, string>>;
  /**
   * Where the page's own server pushes a login (RFC 9126), because the client has a secret: a path of the page's
   * origin. It gets the form that the server wants, and answers with the server's reply. Every login then
   * goes by that path. None by default: the page pushes by itself, where the server takes pushed logins.
   */
  readonly pushedBy?: string;
  /** Allows a server at `http://localhost` to the page's part, for development; `false` by default. */
  readonly dangerouslyAllowLoopbackHttp?: boolean;
}

type EndpointName =
  | `${"authorization" | "token" | "revocation" | "userinfo" | "end_session"}_endpoint`
  | "pushed_authorization_request_endpoint"
  | "jwks_uri";

/** A server's metadata, narrowed: in the wire's spelling, without anything that nobody asked for. */
export interface OAuthServer extends Readonly<Partial<Record<EndpointName, string | undefined>>> {
  readonly issuer: string;
  readonly authorization_response_iss_parameter_supported: boolean;
  /** Whether PKCE by S256 may be relied on. A server that does not tell its methods often has it. */
  readonly has_s256: boolean;
  /** Whether the server takes logins by pushed requests alone (RFC 9126 §5). */
  readonly require_pushed_authorization_requests: boolean;
  readonly id_token_signing_alg_values_supported?: string[] | undefined;
}

/** Why a server, or its keys, could not be looked up. */
export interface LookUpFlaw {
  readonly flaw:
    | "metadata_missing"
    | "metadata_invalid"
    | "issuer_mismatch"
    | "redirected"
    | "no_keys";
  readonly status?: number | undefined;
  readonly retryAfter?: number | undefined;
}

/** Long enough for any URL that a browser still opens. */
const LONGEST = 8_192;

const urlIn = (value: unknown): string | undefined =>
  typeof value === "string" && value.length <= LONGEST && /^https?:\/\//.test(value)
    ? value
    : undefined;

/** An absolute URL, or one below `base`; `undefined` for a text that is none. */
export function parseUrl(text: unknown, base?: string): URL | undefined {
  try {
    return new URL(String(text), base);
  } catch {
    return undefined;
  }
}

const textsIn = (value: unknown): string[] | undefined =>
  Array.isArray(value) ? value.filter((text) => typeof text === "string") : undefined;

/** RFC 8414 §3.3. A slash at the end makes no other server of an origin. */
const isSameIssuer = (one: string, other: string): boolean =>
  one.replace(/\/$/, "") === other.replace(/\/$/, "");

/** OpenID Connect Discovery §4 appends to the path; RFC 8414 §3.1 goes in front of it. */
function addressesOf(issuer: string): string[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, "");
  return [
    `${origin}${path}/.well-known/openid-configuration`,
    `${origin}/.well-known/oauth-authorization-server${path}`,
  ];
}

/** The endpoints, as metadata calls them. */
const ENDPOINTS: Readonly<Record<keyof OAuthEndpoints, EndpointName>> = own({
  authorization: "authorization_endpoint",
  pushedAuthorization: "pushed_authorization_request_endpoint",
  token: "token_endpoint",
  revocation: "revocation_endpoint",
  userInfo: "userinfo_endpoint",
  endSession: "end_session_endpoint",
  jwks: "jwks_uri",
});

/** The endpoints that `read` finds; nothing else of its source is looked at. */
const endpointsBy = (
  read: (name: keyof OAuthEndpoints, wire: EndpointName) => unknown,
): Partial<Record<EndpointName, string | undefined>> =>
  Object.fromEntries(
    Object.entries(ENDPOINTS).map(([name, wire]) => [
      wire,
      urlIn(read(name as keyof OAuthEndpoints, wire)),
    ]),
  );

/** Metadata is untrusted until the server that it describes is the one that was asked (S10). */
function narrow(body: Record<string, unknown>, issuer: string): OAuthServer | LookUpFlaw {
  const { issuer: told } = body;
  if (typeof told !== "string") return { flaw: "metadata_invalid" };
  if (!isSameIssuer(told, issuer)) return { flaw: "issuer_mismatch" };
  const methods = textsIn(body["code_challenge_methods_supported"]);
  return own({
    ...endpointsBy((_, wire) => body[wire]),
    issuer: told,
    authorization_response_iss_parameter_supported:
      body["authorization_response_iss_parameter_supported"] === true,
    has_s256: !methods || methods.includes("S256"),
    require_pushed_authorization_requests: body["require_pushed_authorization_requests"] === true,
    id_token_signing_alg_values_supported: textsIn(body["id_token_signing_alg_values_supported"]),
  });
}

/** What a client that gives its server's endpoints says of the server. */
function given(endpoints: OAuthEndpoints, issuer: string | undefined): OAuthServer {
  const told = own(endpoints);
  return own({
    ...endpointsBy((name) => told[name]),
    // A response that names an issuer is never this one's where none was given.
    issuer: issuer ?? "urn:tokenkeep:no-issuer",
    authorization_response_iss_parameter_supported: false,
    has_s256: true,
    require_pushed_authorization_requests: false,
    id_token_signing_alg_values_supported: undefined,
  });
}

/** Looks something up. Rejects as the exchange's `fetch` does. */
export type LookUp<T> = (exchange: Exchange) => Promise<T | LookUpFlaw>;

/** Looks a client's server up when it is wanted. What was found is kept; a failure is not, nor a promise (F31). */
export function createLookUp(client: OAuthClient): LookUp<OAuthServer> {
  const { issuer, endpoints } = own(client);
  let found = endpoints && given(endpoints, issuer);
  return async (exchange) => {
    let last: LookUpFlaw = { flaw: "metadata_missing" };
    let loss: { readonly why: unknown } | undefined;
    if (found) return found;
    for (const url of addressesOf(issuer ?? "")) {
      const reply = await send({ url, method: "GET" }, exchange).catch((why: unknown) => {
        // A page cannot read a 404 without CORS headers, and it looks like no reply at all.
        loss ??= { why };
      });
      if (!reply && exchange.signal.aborted) break;
      if (!reply) continue;
      const { status, body, retryAfter, isRedirect } = reply;
      if (status === 200) {
        const server: OAuthServer | LookUpFlaw = isObject(body)
          ? narrow(body, issuer ?? "")
          : { flaw: "metadata_invalid" };
        if ("flaw" in server) return server;
        // The first address may only have been out of reach, and may tell more.
        if (!loss) found = server;
        return server;
      }
      last = { flaw: isRedirect ? "redirected" : "metadata_missing", status, retryAfter };
      // Only where nothing stands at the one address is the other asked.
      if (status !== 404) break;
    }
    if (loss) throw loss.why;
    return last;
  };
}

/** A JSON Web Key Set (RFC 7517 §5). */
export interface KeySet {
  readonly jwks: object;
}

/** Looks up the keys that sign a server's ID tokens: a server may show none before its first one. */
export const keysAt =
  (url: string): LookUp<KeySet> =>
  async (exchange) => {
    const { status, body, retryAfter, isRedirect } = await send({ url, method: "GET" }, exchange);
    if (status === 200 && Array.isArray(body?.["keys"])) return own({ jwks: body });
    return own({ flaw: isRedirect ? "redirected" : "no_keys", status, retryAfter } as const);
  };

/** A server, and its keys where it has some and they are wanted. */
export interface ServerAndKeys {
  readonly server: OAuthServer;
  readonly keys: KeySet | undefined;
}

/** Looks up what a login needs before its code is spent. */
export const withKeys =
  (find: LookUp<OAuthServer>, areWanted: boolean): LookUp<ServerAndKeys> =>
  async (exchange) => {
    const server = await find(exchange);
    if ("flaw" in server) return server;
    const { jwks_uri: url } = server;
    const keys = areWanted && url !== undefined ? await keysAt(url)(exchange) : undefined;
    return keys && "flaw" in keys ? keys : own({ server, keys });
  };

/**
 * What keeps sessions and logins of one client apart from another's (S11). A server without an issuer is told by
 * its endpoints: without them, one server's code or refresh token would be sent to another that knows a client
 * of the same name.
 */
export function clientParts(client: OAuthClient): string[] {
  const { issuer, endpoints, clientId, scope = "", resource = [], parameters } = own(client);
  const { token, authorization } = own({ ...endpoints });
  const { audience } = own({ ...parameters });
  const server = issuer ?? token ?? authorization ?? "";
  const resources = typeof resource === "string" ? [resource] : resource;
  const parts = [server, clientId, scope.split(" ").sort().join(" "), ...resources];
  // Some servers are told by it, in the place of a resource, which API the tokens are for.
  return audience === undefined ? parts : [...parts, `audience ${audience}`];
}
