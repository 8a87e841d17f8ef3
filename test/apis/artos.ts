/**
 * Artos as a test server: `POST /get-access-token` with a user id mints JWTs. It does what the API's
 * page says; what the page leaves open is marked "assumed".
 */
import { createAccessTokens } from "./access-tokens.ts";
import { type Account, type ApiOptions, orgs, type TestApi } from "./contract.ts";
import { createFrame } from "./api-frame.ts";
import { json, readObject } from "./replies.ts";
import { createShelf } from "./resource.ts";

/** Assumed: the page's "fixed period". */
const LIFE = 3_600_000;

const permissions: Readonly<Record<Account, readonly string[]>> = {
  ada: ["read", "write"],
  grace: ["read"],
  nobody: [],
};

const details: Readonly<Record<number, string>> = {
  401: "Invalid authentication credentials",
  403: "User has no organization or not authorized",
  // The page shows no others; these read alike.
  404: "Not Found",
  405: "Method Not Allowed",
  415: "Unsupported Media Type",
  422: "user_id is required",
  429: "Too many requests",
};

export function createArtosApi(options: ApiOptions = {}): TestApi {
  const frame = createFrame(options, LIFE);
  const tokens = createAccessTokens({ now: frame.now });
  const shelves = { templates: createShelf("template"), documents: createShelf("document") };
  /** Who mints with which user id. */
  const users = new Map<string, Account>();

  return {
    ...frame.build({
      scheme: "Bearer",
      problem: (status, missing) =>
        json(status, { detail: missing ? "Not authenticated" : details[status] }),
      async check(token) {
        const { claims, index } = (await tokens.check(token)) ?? {};
        return claims && { account: claims.sub!, index: index!, claims };
      },
      open: ({ url }) =>
        url.pathname === "/api/v1/search/status" ? json(200, { status: "ok" }) : undefined,
      token: {
        path: "/get-access-token",
        async answer(call) {
          const body = readObject(call);
          if (body === 415) return 415;
          const userId = body === 400 ? undefined : body["user_id"];
          // Assumed: the page does not show how this call fails.
          if (typeof userId !== "string") return 422;
          const account = users.get(userId);
          if (account === undefined) return 401;
          frame.minted();
          // Assumed: the names of the claims, and that the user is not named by the id that mints.
          const claims = {
            sub: account,
            organization_id: orgs[account] ?? null,
            permissions: permissions[account],
          };
          const { token } = await tokens.issue(claims, frame.switches().life);
          return json(200, { access_token: token });
        },
      },
      resource(call, { claims }) {
        const org = claims["organization_id"];
        const wanted = call.method === "GET" ? "read" : "write";
        const granted = claims["permissions"] as readonly string[];
        if (typeof org !== "string" || !granted.includes(wanted)) return 403;
        return (
          shelves.templates(call, "/api/v1/templates", org) ??
          shelves.documents(call, "/api/v1/documents", org)
        );
      },
    }),
    expireAccessTokens: () => tokens.kill(),
    revoke() {
      users.clear();
      tokens.kill();
    },
    async credentials(account: Account = "ada") {
      const [known] = [...users].find(([, one]) => one === account) ?? [];
      const userId = known ?? `usr_${crypto.randomUUID().replaceAll("-", "")}`;
      users.set(userId, account);
      return { userId };
    },
  };
}
