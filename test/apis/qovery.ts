/**
 * Qovery as a test server: API tokens with scopes, sent by the auth-scheme `Token`. It does what the
 * API's page says; what the page leaves open is marked "assumed".
 */
import { type Account, type ApiOptions, orgs, type TestApi } from "./contract.ts";
import { createFrame } from "./api-frame.ts";
import { createOpaqueTokens } from "./opaque-tokens.ts";
import { json } from "./replies.ts";
import { createShelf } from "./resource.ts";

export type QoveryScope = "Admin" | "Read" | "Deploy" | "Write";

/** Assumed: how long a token is good where the console is told nothing. */
const LIFE = 365 * 86_400_000;

const scopes: Readonly<Record<Account, readonly QoveryScope[]>> = {
  ada: ["Admin"],
  grace: ["Read"],
  nobody: [],
};

const words: Readonly<Record<number, readonly [error: string, message: string]>> = {
  401: ["Unauthorized", "Invalid or missing authentication token"],
  403: ["Forbidden", "Insufficient permissions to access this resource"],
  // The page shows no others; these read alike.
  400: ["Bad Request", "Malformed request"],
  404: ["Not Found", "Resource not found"],
  405: ["Method Not Allowed", "Method not allowed"],
  415: ["Unsupported Media Type", "Content-Type must be application/json"],
  429: ["Too Many Requests", "Rate limit exceeded"],
};

export interface QoveryApi extends TestApi {
  /** A token as the console makes them: with these scopes, of Ada's organisation by default. */
  issue(scopes: readonly QoveryScope[], account?: Account): string;
}

export function createQoveryApi(options: ApiOptions = {}): QoveryApi {
  const frame = createFrame(options, LIFE);
  const tokens = createOpaqueTokens<{
    account: Account;
    scopes: readonly QoveryScope[];
  }>(frame.now, "qov_");
  const projects = createShelf("project");

  /** Assumed: which calls want which scope, and that none but Admin contains another. */
  function scopeFor(method: string, pathname: string): QoveryScope {
    if (method === "GET") return "Read";
    return pathname.endsWith("/deploy") ? "Deploy" : "Write";
  }

  const issue: QoveryApi["issue"] = (given, account = "ada") =>
    tokens.issue({ account, scopes: given }, frame.switches().life);

  return {
    ...frame.build({
      scheme: "Token",
      problem(status) {
        const [error, message] = words[status] ?? [];
        return json(status, { status, error, message });
      },
      check(token) {
        const found = tokens.check(token);
        return found && { ...found.data, index: found.index };
      },
      resource(call, { account, scopes }) {
        const { method, url } = call;
        const { pathname } = url;
        const org = orgs[account];
        const wanted = scopeFor(method, pathname);
        if (org === undefined || !scopes.some((scope) => scope === wanted || scope === "Admin"))
          return 403;
        if (pathname === "/organization") {
          if (method !== "GET") return 405;
          return json(200, { id: org, name: org, created_at: "2024-01-01T00:00:00.000Z" });
        }
        const [, of] = /^\/organization\/([^/]+)\/project(?:\/|$)/.exec(pathname) ?? [];
        if (of !== undefined)
          return of === org ? projects(call, `/organization/${org}/project`, org) : 403;
        return method === "POST" && /^\/environment\/[^/]+\/deploy$/.test(pathname)
          ? json(202, { state: "QUEUED" })
          : undefined;
      },
    }),
    expireAccessTokens: () => tokens.kill(),
    revoke: () => tokens.kill(),
    issue,
    credentials: async (account: Account = "ada") => ({ token: issue(scopes[account], account) }),
  };
}
