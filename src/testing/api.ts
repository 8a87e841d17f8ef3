/** An API without a network: it gives out tokens, takes them, rotates them, and fails as told. */
import { password, type PasswordCredentials } from "../providers/password.ts";
import { systemClock } from "../refresh/clock.ts";
import type { Clock, Fetch, Provider } from "../types.ts";
import { corsHeaders } from "./cors.ts";
import { createFaults, type FakeCall, type FaultControls, networkError } from "./faults.ts";
import { createTokens, type IssuedTokens, type TokenRules } from "./tokens.ts";
import { mswHandlers, type MswHttp, playwrightRoute, type RouteLike } from "./wires.ts";

/** The options of {@link fakeApi}. */
export interface FakeApiOptions extends TokenRules {
  /** The API's origin; `"https://api.example.com"` by default. */
  readonly origin?: string;
  /** Gets credentials: a path, or an absolute URL; `"/login"` by default. Each `POST` there is granted. */
  readonly signInUrl?: string;
  /**
   * Gets refresh tokens; `"/refresh"` by default. It may be `signInUrl`, as with OAuth. The metadata of every
   * OAuth issuer, which the API also answers with, names this address.
   */
  readonly refreshUrl?: string;
  /** Gets a token after a sign-out; `"/logout"` by default. */
  readonly revokeUrl?: string;
  /** The body of a reply with tokens; the fields of RFC 6749 §5.1 by default. */
  readonly write?: (tokens: IssuedTokens) => unknown;
  /**
   * Answers a request that shows a living token; `{ "ok": true }` by default. Others get a 401. `Response.error()`
   * is a network error. What it throws is a fault of the test: MSW shows it with a 500, and Playwright ends the test.
   */
  readonly answer?: (request: Request) => Response | Promise<Response>;
  /** The clock by which tokens end and replies are late; the system's by default. */
  readonly clock?: Pick<Clock, "now" | "setTimeout">;
}

/** How many calls have come, with any outcome. */
export interface FakeApiCounts {
  readonly signIns: number;
  readonly refreshes: number;
  /** Refresh tokens that came again after they were spent: the API has ended their sign-ins. */
  readonly reuses: number;
  readonly revocations: number;
  /** Requests to everything else, each send counted; none that looks OAuth metadata up. */
  readonly requests: number;
  /** Those among them that were answered by 401, because they showed no living token. */
  readonly unauthorized: number;
}

/** A fake API; made by {@link fakeApi}. */
export interface FakeApi extends FaultControls {
  readonly origin: string;
  /** For a vault that the test makes, where `write` is not given: any e-mail address and password sign in. */
  readonly provider: Provider<PasswordCredentials>;
  /** In place of `fetch`: for a vault's option, or for a stub of the global one. */
  readonly fetch: Fetch;
  /** The calls so far. */
  readonly counts: FakeApiCounts;
  /** Handlers for MSW 2 and 3: `setupServer(...api.handlers(http))`. */
  handlers<Handler>(http: MswHttp<Handler>): Handler[];
  /** For Playwright: `context.route(api.origin + "/**", api.route)`. Bodies are texts. */
  readonly route: (route: RouteLike) => Promise<void>;
  /** Tokens as if somebody had signed in: for `vault.adopt`. */
  grant(): IssuedTokens;
  /** Ends all access tokens: the next request with one gets a 401. Refresh tokens stay. */
  expire(): void;
  /** Ends all sign-ins: the next request gets a 401, and the next refresh is refused. */
  revoke(): void;
}

/**
 * Makes an API that a test rules. It finds a refresh token wherever a body holds it, and an access token in whichever
 * header shows it, so that only its addresses and the form of its replies are told to it.
 *
 * @example
 * ```ts
 * import { fakeApi } from "tokenkeep/testing";
 *
 * const api = fakeApi({
 *   origin: "https://api.vmcloud.com",
 *   signInUrl: "/api/v1/auth/token",
 *   refreshUrl: "/api/v1/auth/refresh",
 *   write: ({ accessToken, refreshToken }) => ({ token: accessToken, refresh_token: refreshToken }),
 *   answer: () => Response.json({ vms: [] }),
 * });
 * api.fail({ status: 503, times: 2 });
 * ```
 */
export function fakeApi(options: FakeApiOptions = {}): FakeApi {
  const { write = standard, answer = accept, clock = systemClock } = options;
  const addresses = addressesOf(options);
  const tokens = createTokens(options, () => clock.now());
  const { meet, ...controls } = createFaults(clock);
  const counts = {
    signIns: 0,
    refreshes: 0,
    reuses: 0,
    revocations: 0,
    requests: 0,
    unauthorized: 0,
  };

  const granted = (found: IssuedTokens): Response =>
    Response.json(write(found), { headers: { "cache-control": "no-store" } });

  const showsLiving = (request: Request): boolean =>
    shownBy(request).some((token) => tokens.isAlive(token));

  const answers: Record<FakeCall, (request: Request, text: string) => Promise<Response>> = {
    "sign-in": async () => granted(tokens.begin()),
    async refresh(_, text) {
      const found = tokens.refresh(refreshTokenIn(text) ?? "");
      if (found === "reused") counts.reuses += 1;
      return typeof found === "object"
        ? granted(found)
        : Response.json({ error: "invalid_grant" }, { status: 400 });
    },
    async revoke(request, text) {
      for (const token of [refreshTokenIn(text), ...shownBy(request), ...wordsOf(text)])
        if (token !== undefined) tokens.end(token);
      return Response.json({});
    },
    async request(request) {
      if (showsLiving(request)) return answer(request);
      counts.unauthorized += 1;
      const headers = { "www-authenticate": "Bearer" };
      return Response.json({ error: "invalid_token" }, { status: 401, headers });
    },
  };
  const counters: Record<FakeCall, "signIns" | "refreshes" | "revocations" | "requests"> = {
    "sign-in": "signIns",
    refresh: "refreshes",
    revoke: "revocations",
    request: "requests",
  };

  async function handle(request: Request): Promise<Response> {
    if (request.method === "OPTIONS") return new Response(null, { status: 204 });
    const metadata = metadataFor(request, addresses);
    if (metadata && !showsLiving(request)) return Response.json(metadata);
    const kept = request.clone();
    const text = await request.text();
    const kind = kindOf(request, text, addresses);
    counts[counters[kind]] += 1;
    return meet(kind, () => answers[kind](kept, text));
  }

  async function send(request: Request): Promise<Response> {
    request.signal.throwIfAborted();
    const response = await Promise.race([handle(request), aborted(request.signal)]);
    // `Response.error()`: a network error.
    if (response.type === "error") throw networkError("Failed to fetch");
    const headers = new Headers(response.headers);
    for (const [name, value] of corsHeaders(request)) headers.set(name, value);
    const { status, statusText } = response;
    return new Response(response.body, { status, statusText, headers });
  }

  const fetch: Fetch = async (input, init) => send(new Request(input, init));
  return {
    ...controls,
    origin: addresses.origin,
    provider: providerOf(addresses, options),
    fetch,
    counts,
    handlers: (http) => mswHandlers(http, addresses.origins, fetch),
    route: (route) => playwrightRoute(route, fetch),
    grant: () => tokens.begin(),
    expire: () => tokens.expire(),
    revoke: () => tokens.revoke(),
  };
}

interface Addresses {
  readonly origin: string;
  /** All of them, each once. */
  readonly origins: readonly string[];
  readonly signIn: string;
  readonly refresh: string;
  readonly revoke: string;
}

function addressesOf({
  origin = "https://api.example.com",
  signInUrl = "/login",
  refreshUrl = "/refresh",
  revokeUrl = "/logout",
}: FakeApiOptions): Addresses {
  const at = (url: string): URL => new URL(url, origin);
  const [signIn, refresh, revoke] = [at(signInUrl), at(refreshUrl), at(revokeUrl)];
  const base = new URL(origin).origin;
  return {
    origin: base,
    origins: [...new Set([base, signIn.origin, refresh.origin, revoke.origin])],
    signIn: placeOf(signIn),
    refresh: placeOf(refresh),
    revoke: placeOf(revoke),
  };
}

/** An address without its query, which may tell what the body tells, too (`?grant_type=refresh_token`). */
const placeOf = ({ origin, pathname }: URL): string => origin + pathname;

/** One endpoint may grant and renew, as OAuth's does: the body tells which. */
function kindOf({ url, method }: Request, text: string, addresses: Addresses): FakeCall {
  const place = placeOf(new URL(url));
  const isRenewing = refreshTokenIn(text) !== undefined || text.includes("refresh_token");
  if (place === addresses.refresh && (place !== addresses.signIn || isRenewing)) return "refresh";
  if (place === addresses.signIn && method !== "GET") return "sign-in";
  return place === addresses.revoke ? "revoke" : "request";
}

/**
 * What an OAuth server tells of itself (RFC 8414 §3.2), whichever issuer is asked for. OpenID Connect Discovery §4
 * puts an issuer's path in front of the address's own, RFC 8414 §3.1 behind it.
 */
function metadataFor({ url, method }: Request, addresses: Addresses): object | undefined {
  const { origin, pathname } = new URL(url);
  const found = METADATA.exec(pathname);
  if (!found || method !== "GET") return undefined;
  const [, before = "", behind = ""] = found;
  return {
    issuer: origin + before + behind,
    token_endpoint: addresses.refresh,
    revocation_endpoint: addresses.revoke,
  };
}

const METADATA = /^(.*)\/\.well-known\/(?:openid-configuration|oauth-authorization-server)(\/.*)?$/;

/** In JSON, a form, or a body of another kind. */
const refreshTokenIn = (text: string): string | undefined => /\brefresh-\d+\b/.exec(text)?.[0];

const wordsOf = (text: string): string[] => text.match(/[\w.-]+/g) ?? [];

/** Whatever stands last in a header: behind an auth-scheme, or alone. */
const shownBy = ({ headers }: Request): string[] =>
  [...headers].map(([, value]) => value.slice(value.lastIndexOf(" ") + 1));

const accept = (): Response => Response.json({ ok: true });

const standard = ({ accessToken, refreshToken, expiresIn }: IssuedTokens): unknown => ({
  access_token: accessToken,
  token_type: "Bearer",
  expires_in: expiresIn,
  refresh_token: refreshToken,
});

function providerOf(
  { origin, signIn, refresh, revoke }: Addresses,
  { rotation = "strict", reuseWindow = 0 }: FakeApiOptions,
): Provider<PasswordCredentials> {
  return password({
    name: "fake-api",
    origins: [origin],
    tokenUrl: signIn,
    refreshUrl: refresh,
    revokeUrl: revoke,
    rotation,
    reuseWindow,
  });
}

const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
