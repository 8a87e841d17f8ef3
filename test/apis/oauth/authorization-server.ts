/**
 * An OAuth 2.0 and OpenID server with a login page, and an API behind its tokens: authorization code with PKCE
 * (RFC 6749 §4.1, RFC 7636), refresh with rotation and reuse detection (RFC 9700 §4.14.2), revocation (RFC
 * 7009). A brand says what one server does otherwise than another.
 */
import { createBasics } from "../basics.ts";
import { base64url, exportJWK, generateKeyPair, SignJWT } from "jose";
import type { ApiKind, ApiOptions, ApiSwitches, TestApi } from "../contract.ts";
import { createFamilies, type Family, type Rotation } from "../token-families.ts";
import { createOpaqueTokens } from "../opaque-tokens.ts";
import { type Call, html, json, readCall, textOf } from "../replies.ts";
import { denied, hasScope, type Login, type OAuthBrand } from "./brand.ts";
import { loginPage } from "./login-page.ts";

export interface OAuthSwitches extends ApiSwitches {
  readonly rotation: Rotation;
  /** For rotation `"window"`, milliseconds. */
  readonly reuseWindow: number;
  /** What everybody logs in with. */
  readonly password: string;
}

export interface OAuthOptions extends Partial<OAuthSwitches>, Pick<ApiOptions, "now" | "sleep"> {}

export interface OAuthApi extends Omit<TestApi, "credentials"> {
  set(switches: Partial<OAuthSwitches>): void;
  /** The user says yes at this authorization URL: the URL that the browser is sent back to. */
  login(url: string, subject?: string): string;
  /** The form of each token call that came. */
  readonly asked: URLSearchParams[];
  /** The subject of each living login. */
  users(): string[];
}

/** Who is known, by name: what a login page asks for. */
export const people: Readonly<Record<string, { readonly name: string; readonly email: string }>> = {
  ada: { name: "Ada Lovelace", email: "ada@acme.example" },
  grace: { name: "Grace Hopper", email: "grace@acme.example" },
};

interface Grant {
  readonly login: Login;
  readonly family: Family;
}

type Kind = ApiKind;

export async function challengeOf(verifier: string): Promise<string> {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  return base64url.encode(new Uint8Array(bytes));
}

const FORM = "application/x-www-form-urlencoded";

export function createOAuthApi(brand: OAuthBrand, options: OAuthOptions = {}): OAuthApi {
  const { places, issuer, clientId } = brand;
  const { repeatsRefreshToken = true, denied: deny = denied } = brand;
  const { switches, set, now, counting, faults } = createBasics<OAuthSwitches, Kind>(options, {
    life: brand.life ?? 3_600_000,
    rotation: brand.rotation ?? "strict",
    reuseWindow: brand.reuseWindow ?? 0,
    password: "correct horse battery",
  });
  const families = createFamilies({ now, prefix: "refresh-" });
  const tokens = createOpaqueTokens<Grant>(now, brand.prefix ?? "access-");
  const ended = new Set<string>();
  const codes = new Map<string, { login: Login; family?: Family }>();
  const grants = new Map<number, Grant & { readonly since: number }>();
  const known = new Set<string>();
  const asked: URLSearchParams[] = [];
  // Made on first use: workerd allows no randomness in global scope.
  let pair: ReturnType<typeof generateKeyPair> | undefined;
  const keys = (): NonNullable<typeof pair> => (pair ??= generateKeyPair("RS256"));

  async function idTokenOf({ query, subject }: Login, isFirst: boolean): Promise<string> {
    const seconds = Math.floor(now() / 1_000);
    const nonce = isFirst ? query.get("nonce") : null;
    return new SignJWT({ ...people[subject], ...(nonce !== null && { nonce }), auth_time: seconds })
      .setProtectedHeader({ alg: "RS256", kid: "1" })
      .setIssuer(issuer)
      .setSubject(subject)
      .setAudience(clientId)
      .setIssuedAt(seconds)
      .setExpirationTime(seconds + 3_600)
      .sign((await keys()).privateKey);
  }

  async function grant(one: Grant, refreshToken: string | undefined): Promise<Response> {
    const { login, family } = one;
    const isFirst = !grants.has(family.id);
    if (isFirst) grants.set(family.id, { ...one, since: now() });
    return json(200, {
      access_token: tokens.issue(one, switches.life),
      token_type: "Bearer",
      expires_in: Math.ceil(switches.life / 1_000),
      ...(refreshToken !== undefined && { refresh_token: refreshToken }),
      ...(hasScope(login.query, "openid") && { id_token: await idTokenOf(login, isFirst) }),
      ...brand.besides?.(login),
    });
  }

  function isClient({ headers }: Call, form: URLSearchParams): boolean {
    const { clientSecret } = brand;
    if (form.get("client_id") === clientId)
      return clientSecret === undefined || form.get("client_secret") === clientSecret;
    // RFC 6749 §2.3.1: each of the two is encoded as in a form, before they are joined.
    const pair = atob(headers.get("authorization")?.replace(/^Basic /, "") ?? "");
    return decodeURIComponent(pair) === `${clientId}:${clientSecret}`;
  }

  async function redeem(form: URLSearchParams): Promise<Response> {
    const entry = codes.get(form.get("code") ?? "");
    // RFC 6749 §4.1.2: a code that comes twice ends what it has brought.
    if (entry?.family) families.revoke(entry.family.id);
    if (!entry || entry.family) return deny("code");
    const { login } = entry;
    const { query, subject } = login;
    const { family, refreshToken } = families.open(subject);
    entry.family = family;
    const isRight =
      query.get("redirect_uri") === form.get("redirect_uri") &&
      query.get("code_challenge") === (await challengeOf(form.get("code_verifier") ?? ""));
    if (!isRight) return deny("code");
    counting.count("signIns");
    const isOffline = brand.isOffline?.(login) ?? true;
    return grant({ login, family }, isOffline ? refreshToken : undefined);
  }

  async function refresh(form: URLSearchParams): Promise<Response> {
    counting.count("tokenCalls");
    const spent = form.get("refresh_token") ?? "";
    const redemption = families.redeem(spent, switches);
    if (redemption.type === "reuse") {
      counting.count("reuseDetections");
      if (redemption.first) counting.count("familiesRevoked");
    }
    if (redemption.type !== "granted") return deny("refresh token");
    const { family, refreshToken } = redemption;
    const one = grants.get(family.id);
    const { loginLife = Infinity, endsAccessTokens } = brand;
    if (!one || now() - one.since > loginLife) return deny("refresh token");
    counting.count("refreshed");
    if (endsAccessTokens) endAll(family);
    const isNew = refreshToken !== spent;
    return grant(one, isNew || repeatsRefreshToken ? refreshToken : undefined);
  }

  function endAll(family: Family): void {
    for (const [token, { data }] of tokens.living())
      if (data.family.id === family.id) ended.add(token);
  }

  async function token(call: Call, form: URLSearchParams): Promise<Response> {
    if (call.method !== "POST" || !call.headers.get("content-type")?.startsWith(FORM))
      return deny("request");
    asked.push(form);
    if (!isClient(call, form)) return deny("client");
    if (form.get("grant_type") === "authorization_code") return redeem(form);
    return form.get("grant_type") === "refresh_token" ? refresh(form) : deny("request");
  }

  function end(family: Family | undefined): void {
    if (!family || family.revoked) return;
    families.revoke(family.id);
    endAll(family);
    counting.count("familiesRevoked");
  }

  function revoke(call: Call, form: URLSearchParams): Response {
    if (!isClient(call, form)) return deny("client");
    const given = form.get("token") ?? "";
    const family = tokens.check(given)?.data.family ?? families.of(given);
    end(family);
    return new Response(null);
  }

  /** The callback of a login: with a code, or with an error. */
  function back(query: URLSearchParams, answer: Record<string, string>): string {
    const url = new URL(query.get("redirect_uri") ?? "about:blank");
    for (const [name, value] of Object.entries(answer)) url.searchParams.set(name, value);
    url.searchParams.set("state", query.get("state") ?? "");
    if (brand.namesIssuer) url.searchParams.set("iss", issuer);
    return url.href;
  }

  function login(address: string, subject = "ada"): string {
    const query = new URL(address).searchParams;
    const unknown = brand.unknownScopes?.some((scope) => hasScope(query, scope));
    if (unknown) return back(query, { error: "invalid_scope" });
    const code = crypto.randomUUID();
    const visitor = `${subject} ${query.get("client_id")}`;
    codes.set(code, { login: { query, subject, isFirst: !known.has(visitor) } });
    known.add(visitor);
    return back(query, { code });
  }

  function authorize(call: Call): Response {
    const { searchParams: query } = call.url;
    const right =
      query.get("client_id") === clientId &&
      query.get("response_type") === "code" &&
      query.get("code_challenge_method") === "S256" &&
      (brand.redirectsTo?.(query.get("redirect_uri") ?? "") ?? true);
    // RFC 6749 §4.1.2.1: an unknown client is told at the server, and sent nowhere.
    if (!right) return html(400, "This login was begun wrongly");
    const filled = brand.showsPassword ? { password: switches.password } : {};
    const hint = query.get("login_hint") ?? "";
    if (call.method !== "POST") return loginPage(people, { subject: hint, ...filled });
    const form = new URLSearchParams(textOf(call));
    const subject = form.get("subject") ?? "";
    const location =
      form.get("choice") === "deny"
        ? back(query, { error: "access_denied", error_description: "You have said no" })
        : undefined;
    if (
      !location &&
      (!Object.hasOwn(people, subject) || form.get("password") !== switches.password)
    )
      return loginPage(people, { subject, isWrong: true, ...filled });
    const to = location ?? login(call.url.href, subject);
    return new Response(null, { status: 303, headers: { location: to } });
  }

  const metadata = (): Response =>
    json(200, {
      issuer,
      authorization_endpoint: places.authorize,
      token_endpoint: places.token,
      revocation_endpoint: places.revoke,
      userinfo_endpoint: places.userInfo,
      end_session_endpoint: places.logout,
      jwks_uri: places.keys,
      authorization_response_iss_parameter_supported: brand.namesIssuer,
      code_challenge_methods_supported: ["plain", "S256"],
      id_token_signing_alg_values_supported: ["RS256"],
    });

  async function sendKeys(): Promise<Response> {
    const jwk = await exportJWK((await keys()).publicKey);
    return json(200, { keys: [{ ...jwk, kid: "1", alg: "RS256", use: "sig" }] });
  }

  function logout({ url }: Call): Response {
    const to = url.searchParams.get("post_logout_redirect_uri");
    if (!to) return html(200, "You have logged out");
    return new Response(null, { status: 303, headers: { location: to } });
  }

  function api(call: Call): Response {
    const [, shown = ""] = /^Bearer (\S+)$/.exec(call.headers.get("authorization") ?? "") ?? [];
    const one = ended.has(shown) ? undefined : tokens.check(shown);
    if (!one) return json(401, { message: "Bad credentials" }, { "www-authenticate": "Bearer" });
    const { subject } = one.data.login;
    return json(200, { sub: subject, ...people[subject] });
  }

  function answer(call: Call, form: URLSearchParams): Response | Promise<Response> {
    if (switches.ipBlocked) return html(403, "Access denied");
    const deleted = brand.deletes?.(call);
    if (deleted !== undefined) {
      end(tokens.check(deleted)?.data.family);
      return new Response(null, { status: 204 });
    }
    const address = call.url.origin + call.url.pathname;
    switch (address) {
      case places.metadata:
        return metadata();
      case places.authorize:
        return authorize(call);
      case places.token:
        return token(call, form);
      case places.revoke:
        return revoke(call, form);
      case places.keys:
        return sendKeys();
      case places.logout:
        return logout(call);
      case places.userInfo:
        return api(call);
    }
    const isApi = address === places.api || address.startsWith(`${places.api}/`);
    return isApi ? api(call) : json(404, { error: "not_found" });
  }

  function kindOf({ url }: Call, form: URLSearchParams): Kind {
    if (url.origin + url.pathname !== places.token) return "api";
    return form.get("grant_type") === "refresh_token" ? "refresh" : "token";
  }

  return {
    async fetch(request) {
      const call = await readCall(request);
      const isForm = call.headers.get("content-type")?.startsWith(FORM);
      const form = new URLSearchParams(isForm ? textOf(call) : "");
      const kind = kindOf(call, form);
      counting.arrived(call, kind === "api");
      const reply = await faults.run(kind, async () => answer(call, form), request.signal);
      if (kind === "api" && reply.status === 401) counting.count("unauthorized");
      if (!reply.headers.has("date")) reply.headers.set("date", new Date(now()).toUTCString());
      return reply;
    },
    set,
    fault: faults.fault,
    clearFaults: faults.clearFaults,
    gate: faults.gate,
    log: faults.log,
    counters: () => counting.counters(),
    expireAccessTokens: () => tokens.kill(),
    revoke: () => families.revokeAll().forEach(() => counting.count("familiesRevoked")),
    login,
    asked,
    users: () =>
      [...grants.values()].filter(({ family }) => !family.revoked).map((one) => one.login.subject),
  };
}
