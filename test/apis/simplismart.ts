/**
 * Simplismart as a test server: JWTs from its console, scoped to one organisation, for Admins and
 * Members. It does what the API's page says; what the page leaves open is marked "assumed".
 */
import { createAccessTokens } from "./access-tokens.ts";
import { type Account, type ApiOptions, orgs, type TestApi } from "./contract.ts";
import { createFrame } from "./api-frame.ts";
import { json } from "./replies.ts";
import { createShelf } from "./resource.ts";

/** Assumed: how long a token from the console is good. */
const LIFE = 30 * 86_400_000;

const roles: Readonly<Record<string, "Admin" | "Member">> = { ada: "Admin", grace: "Member" };

const details: Readonly<Record<number, string>> = {
  401: "Invalid token.",
  403: "You do not have permission to perform this action.",
  // The page shows no others; these read alike.
  400: "Malformed request.",
  404: "Not found.",
  405: "Method not allowed.",
  415: "Unsupported media type.",
  429: "Request was throttled.",
};

export function createSimplismartApi(options: ApiOptions = {}): TestApi {
  const frame = createFrame(options, LIFE);
  const tokens = createAccessTokens({ now: frame.now });
  const models = createShelf("model");

  return {
    ...frame.build({
      scheme: "Bearer",
      problem: (status, missing) =>
        json(status, {
          detail: missing ? "Authentication credentials were not provided." : details[status],
        }),
      async check(token) {
        const { claims, index } = (await tokens.check(token)) ?? {};
        return claims && { account: claims.sub!, index: index!, claims };
      },
      resource(call, { claims }) {
        // Assumed: Members read, Admins do everything. The page names the roles only.
        if (call.method !== "GET" && claims["role"] !== "Admin") return 403;
        return models(call, "/deployments/list/model", claims["org"] as string);
      },
    }),
    expireAccessTokens: () => tokens.kill(),
    revoke: () => tokens.kill(),
    async credentials(account: Account = "ada") {
      // Assumed: the names of the claims.
      const claims = { sub: account, org: orgs[account] ?? null, role: roles[account] ?? null };
      return { token: (await tokens.issue(claims, frame.switches().life)).token };
    },
  };
}
