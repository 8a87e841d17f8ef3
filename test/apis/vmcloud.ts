/**
 * VMCloud as a test server: sign-in with email and password, 24-hour JWTs, refresh tokens, a small
 * list of virtual machines. It does what the API's page says; what the page leaves open is marked
 * "assumed" here and can be switched where clients might depend on it.
 */
import { createBasics } from "./basics.ts";
import { createAccessTokens } from "./access-tokens.ts";
import type { ApiKind, ApiOptions, ApiSwitches, TestApi } from "./contract.ts";
import { createFamilies, type Family, type Rotation } from "./token-families.ts";
import type { Fault } from "./faults.ts";
import { createRateLimit } from "./rate-limit.ts";
import { type Call, echo, html, json, readCall, readObject } from "./replies.ts";
import { tokenIn } from "./shown-token.ts";
import { ada, grace, problem, type VmcloudUser } from "./vmcloud-data.ts";
import { createVms } from "./vmcloud-vms.ts";

export { ada, grace, type VmcloudUser } from "./vmcloud-data.ts";

/** The kinds of endpoints for faults and gates: sign-in, refresh, everything else. */
export type VmcloudKind = ApiKind;

/** What can be changed while it runs. `life` is 24 h by default; a `rateLimit` of 100 is the free plan's. */
export interface VmcloudSwitches extends ApiSwitches {
  /** Default `"strict"`: assumed, and the hardest for clients. */
  readonly rotation: Rotation;
  /** For rotation `"window"`, milliseconds; default 10 s. */
  readonly reuseWindow: number;
  /** A refresh ends the family's earlier access tokens; default false. */
  readonly killOldAccessToken: boolean;
  /** A revoked family's access tokens end with it; default false, as JWTs outlive revocation. */
  readonly revokeAccessTokens: boolean;
  /** Members left out of sign-in and refresh replies; default none. */
  readonly omit: readonly ("expires_at" | "refresh_token")[];
}

export interface VmcloudOptions
  extends Partial<VmcloudSwitches>, Pick<ApiOptions, "now" | "sleep"> {}

export interface VmcloudApi extends TestApi {
  set(switches: Partial<VmcloudSwitches>): void;
  /** Revokes every family of refresh tokens. */
  revokeFamilies(): void;
  addUser(user: VmcloudUser): void;
}

export function createVmcloudApi(options: VmcloudOptions = {}): VmcloudApi {
  const { switches, set, now, counting, faults } = createBasics<VmcloudSwitches, VmcloudKind>(
    options,
    {
      rotation: "strict",
      reuseWindow: 10_000,
      life: 24 * 3_600_000,
      killOldAccessToken: false,
      revokeAccessTokens: false,
      omit: [],
    },
  );
  const families = createFamilies({ now, prefix: "rft_" });
  const tokens = createAccessTokens({ now });
  const vms = createVms();
  const users = new Map([ada, grace].map((user) => [user.email, user]));
  const rate = createRateLimit(now);

  function revoked(family: Family): void {
    counting.count("familiesRevoked");
    if (switches.revokeAccessTokens) tokens.kill(family.id);
  }

  /** The page's reply to a sign-in. Assumed: a refresh is answered alike. */
  async function grant(user: VmcloudUser, family: Family, refreshToken: string): Promise<Response> {
    const { org, plan, permissions, email } = user;
    // Assumed: the names of the claims.
    const claims = { sub: `user:${email}`, email, org, plan, permissions };
    const { token, expiresAt } = await tokens.issue(claims, switches.life, family.id);
    // As on the page: an ISO date without milliseconds.
    const expires_at = new Date(expiresAt).toISOString().replace(".000Z", "Z");
    const reply: Record<string, string> = { token, expires_at, refresh_token: refreshToken };
    for (const name of switches.omit) delete reply[name];
    return json(200, reply);
  }

  async function signIn(call: Call): Promise<Response> {
    if (call.method !== "POST") return problem(405);
    const body = readObject(call);
    if (typeof body === "number") return problem(body);
    const { email, password } = body;
    if (typeof email !== "string" || typeof password !== "string") return problem(400);
    const user = users.get(email);
    if (user?.password !== password) return problem(401, "Invalid email or password");
    counting.count("signIns");
    const { family, refreshToken } = families.open(email);
    return grant(user, family, refreshToken);
  }

  async function refresh(call: Call): Promise<Response> {
    if (call.method !== "POST") return problem(405);
    const body = readObject(call);
    if (typeof body === "number") return problem(body);
    if (typeof body["refresh_token"] !== "string") return problem(400);
    const redemption = families.redeem(body["refresh_token"], switches);
    if (redemption.type === "reuse") {
      counting.count("reuseDetections");
      if (redemption.first) revoked(redemption.family);
    }
    // Assumed: a refused refresh token reads like a refused access token.
    if (redemption.type !== "granted") return problem(401);
    const { family, refreshToken } = redemption;
    const user = users.get(family.subject);
    if (user === undefined) return problem(401);
    counting.count("refreshed");
    if (switches.killOldAccessToken) tokens.kill(family.id);
    return grant(user, family, refreshToken);
  }

  async function api(call: Call): Promise<Response> {
    const { pathname } = call.url;
    const { shown = { header: "authorization", scheme: "Bearer" } } = switches;
    const authorization = call.headers.get(shown.header);
    const token = tokenIn(call.headers, shown);
    const checked = token === undefined ? undefined : await tokens.check(token);
    if (pathname === "/public/echo") return echo(call, checked?.index);
    if (checked === undefined) {
      // RFC 6750 §3.1: no error code where no token came. Assumed: the page shows no challenge.
      const challenge = authorization === null ? "Bearer" : 'Bearer error="invalid_token"';
      return problem(401, undefined, { "www-authenticate": challenge });
    }
    const user = users.get(checked.claims["email"] as string);
    if (user === undefined) return problem(401);
    const wait = rate.take(user.email, switches.rateLimit);
    // Assumed: the page does not say that Retry-After comes along.
    if (wait > 0) return problem(429, undefined, { "retry-after": String(wait) });
    if (pathname === "/v1/echo") return echo(call, checked.index);
    if (pathname === "/v1/me" && call.method === "GET") {
      const { email, org, plan, permissions } = user;
      return json(200, { email, org, plan, permissions });
    }
    return (await vms(call, user)) ?? problem(404);
  }

  const revokeFamilies = (): void => families.revokeAll().forEach(revoked);
  const endpoints = { token: signIn, refresh, api };

  return {
    async fetch(request) {
      const call = await readCall(request);
      const kind = kindOf(call.url.pathname);
      counting.arrived(call, kind === "api");
      if (kind === "refresh" && call.method === "POST") counting.count("tokenCalls");
      const reply = await faults.run(
        kind,
        async () => (switches.ipBlocked ? html(403, "Access denied") : endpoints[kind](call)),
        request.signal,
      );
      if (kind === "api" && reply.status === 401) counting.count("unauthorized");
      // The server's clock shows; a fault may have set another Date on purpose.
      if (!reply.headers.has("date")) reply.headers.set("date", new Date(now()).toUTCString());
      return reply;
    },
    set,
    fault: (kind: VmcloudKind, fault: Fault) => faults.fault(kind, fault),
    clearFaults: () => faults.clearFaults(),
    gate: faults.gate,
    log: faults.log,
    counters: () => counting.counters(),
    expireAccessTokens: () => tokens.kill(),
    revokeFamilies,
    revoke: revokeFamilies,
    addUser: (user) => void users.set(user.email, user),
    async credentials(account = "ada") {
      const { email, password } = account === "ada" ? ada : grace;
      return { email, password };
    },
  };
}

function kindOf(pathname: string): VmcloudKind {
  if (pathname === "/api/v1/auth/token") return "token";
  return pathname === "/api/v1/auth/refresh" ? "refresh" : "api";
}
