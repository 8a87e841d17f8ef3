/**
 * What stands around a framework's own login: users, access tokens, refresh tokens, faults, counting. A
 * framework adds its routes and its words, in a dialect of a few functions.
 */
import type { JWTPayload } from "jose";
import { createBasics } from "../basics.ts";
import { createAccessTokens } from "../access-tokens.ts";
import type { ApiKind, ApiOptions, ApiSwitches, TestApi } from "../contract.ts";
import { createFamilies, type Family, type Rotation } from "../token-families.ts";
import { type Call, html, json, readCall, textOf } from "../replies.ts";

export interface User {
  readonly id: number;
  readonly username: string;
  readonly email: string;
  readonly password: string;
}

export const ada: User = {
  id: 7,
  username: "ada",
  email: "ada@acme.example",
  password: "correct horse battery",
};

/** How a server feels about its login and its refresh. */
export type Mood = "well" | "throttled" | "down";

export interface FrameworkSwitches extends ApiSwitches {
  readonly rotation: Rotation;
  /** For rotation `"window"`, milliseconds. */
  readonly reuseWindow: number;
  readonly mood: Mood;
}

export interface FrameworkOptions
  extends Partial<FrameworkSwitches>, Pick<ApiOptions, "now" | "sleep"> {}

export interface FrameworkApi extends TestApi {
  set(switches: Partial<FrameworkSwitches>): void;
}

/** What a sign-in or a refresh has got. */
export interface Got {
  readonly user: User;
  readonly accessToken: string;
  readonly refreshToken: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  /** Milliseconds. */
  readonly life: number;
}

/** One framework's routes and words. A route is `"POST /path"`, with its query if that matters. */
export interface Dialect {
  readonly life: number;
  readonly rotation?: Rotation;
  readonly reuseWindow?: number;
  readonly login: string;
  readonly refresh?: string;
  readonly logout?: string;
  /** What a sign-in is made with. */
  readonly credentials: Readonly<Record<string, string>>;
  /** The claims of a JWT, besides `iat`, `exp` and `jti`; an opaque token where there are none. */
  claims?(user: User): JWTPayload;
  opaque?(index: number): string;
  /** The name and the password in a sign-in; a reply where it is none. */
  names(call: Call): Partial<Record<"name" | "password", unknown>> | Response;
  granted(got: Got): Response;
  /** As `granted` by default. */
  refreshed?(got: Got): Response;
  wrongPassword(): Response;
  refreshToken?(call: Call): unknown;
  /** For a refresh token that is spent, revoked or unknown. */
  spent?(refreshToken: string): Response;
  /** The reply to a logout, by its access token or by the refresh token in it. */
  loggedOut?(call: Call): Response;
  readonly logoutBy?: "access" | "refresh";
  /** What every call needs besides a token, or the reply that says so. */
  demand?(call: Call): Response | undefined;
  unauthorized(isMissing: boolean): Response;
  throttled(seconds: number): Response;
  down?(): Response;
}

/** The body of JSON or of a form, as its type says. */
export function fieldsOf(call: Call): Readonly<Record<string, unknown>> {
  const type = call.headers.get("content-type") ?? "";
  const text = textOf(call);
  if (type.startsWith("application/x-www-form-urlencoded"))
    return Object.fromEntries(new URLSearchParams(text));
  if (!type.startsWith("application/json")) return {};
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

export const bearerOf = ({ headers }: Call): string | undefined =>
  /^Bearer ([^ ]+)$/i.exec(headers.get("authorization") ?? "")?.[1];

interface Issued {
  readonly user: User;
  readonly family: number;
  readonly until: number;
}

/** How many seconds a throttled server asks for. */
const PAUSE = 35;

const routeOf = ({ method, url }: Call): string => `${method} ${url.pathname}`;

export function createFramework(dialect: Dialect, options: FrameworkOptions = {}): FrameworkApi {
  const { switches, set, now, counting, faults } = createBasics<FrameworkSwitches, ApiKind>(
    options,
    {
      life: dialect.life,
      rotation: dialect.rotation ?? "strict",
      reuseWindow: dialect.reuseWindow ?? 0,
      mood: "well",
    },
  );
  const families = createFamilies({ now, prefix: "refresh-" });
  const jwts = createAccessTokens({ now });
  const issued = new Map<string, Issued>();

  async function issue(user: User, family: Family, refreshToken: string): Promise<Got> {
    const { life } = switches;
    const claims = dialect.claims?.(user);
    const until = now() + life;
    const accessToken = claims
      ? (await jwts.issue(claims, life, family.id)).token
      : dialect.opaque!(issued.size + 17);
    issued.set(accessToken, { user, family: family.id, until });
    return { user, accessToken, refreshToken, expiresAt: until, life };
  }

  function troubled(): Response | undefined {
    if (switches.ipBlocked) return html(403, "Access denied");
    if (switches.mood === "throttled") {
      const reply = dialect.throttled(PAUSE);
      reply.headers.set("retry-after", String(PAUSE));
      return reply;
    }
    if (switches.mood !== "down") return undefined;
    return dialect.down?.() ?? html(503, "503 Service Temporarily Unavailable");
  }

  async function signIn(call: Call): Promise<Response> {
    const names = dialect.names(call);
    if (names instanceof Response) return names;
    const isAda = names.name === ada.email || names.name === ada.username;
    if (!isAda || names.password !== ada.password) return dialect.wrongPassword();
    counting.count("signIns");
    const { family, refreshToken } = families.open(ada.email);
    return dialect.granted(await issue(ada, family, refreshToken));
  }

  async function refresh(call: Call): Promise<Response> {
    const token = String(dialect.refreshToken?.(call));
    const redemption = families.redeem(token, switches);
    if (redemption.type === "reuse") counting.count("reuseDetections");
    if (redemption.type !== "granted") return dialect.spent!(token);
    counting.count("refreshed");
    const got = await issue(ada, redemption.family, redemption.refreshToken);
    return (dialect.refreshed ?? dialect.granted)(got);
  }

  function holderOf(call: Call): Issued | undefined {
    const holder = issued.get(bearerOf(call) ?? "");
    return holder && now() < holder.until ? holder : undefined;
  }

  function logOut(call: Call): Response {
    const holder = holderOf(call);
    if (dialect.logoutBy === "refresh") families.revoke(String(dialect.refreshToken?.(call)));
    else if (!holder) return dialect.unauthorized(!call.headers.has("authorization"));
    else {
      families.revoke(holder.family);
      for (const [token, { family }] of issued) if (family === holder.family) issued.delete(token);
    }
    counting.count("familiesRevoked");
    return dialect.loggedOut!(call);
  }

  function api(call: Call): Response {
    const holder = holderOf(call);
    if (!holder) return dialect.unauthorized(!call.headers.has("authorization"));
    const { id, username, email } = holder.user;
    return json(200, { id, username, email, org: "org-analytical" });
  }

  function kindOf(call: Call): ApiKind {
    const withQuery = routeOf(call) + call.url.search;
    if (withQuery === dialect.login) return "token";
    return withQuery === dialect.refresh ? "refresh" : "api";
  }

  const answers = { token: signIn, refresh, api };

  return {
    async fetch(request) {
      const call = await readCall(request);
      const isLogout = routeOf(call) + call.url.search === dialect.logout;
      const kind = kindOf(call);
      counting.arrived(call, kind === "api" && !isLogout);
      if (kind === "refresh") counting.count("tokenCalls");
      const answer = isLogout ? logOut : answers[kind];
      const process = async (): Promise<Response> =>
        (kind === "api" ? undefined : troubled()) ?? dialect.demand?.(call) ?? answer(call);
      const reply = await faults.run(kind, process, request.signal);
      if (kind === "api" && reply.status === 401) counting.count("unauthorized");
      if (!reply.headers.has("date")) reply.headers.set("date", new Date(now()).toUTCString());
      return reply;
    },
    set,
    fault: (kind, fault) => faults.fault(kind, fault),
    clearFaults: () => faults.clearFaults(),
    gate: faults.gate,
    log: faults.log,
    counters: () => counting.counters(),
    expireAccessTokens: () => issued.clear(),
    revoke: () => void families.revokeAll(),
    credentials: async () => dialect.credentials,
  };
}
