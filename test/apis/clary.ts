/**
 * Clary AI as a test server: API keys of three tiers, and JWTs that are signed with such a key. It
 * does what the API's page says; what the page leaves open is marked "assumed".
 */
import { jwtVerify, type JWTPayload } from "jose";
import { type Account, type ApiOptions, orgs, type TestApi } from "./contract.ts";
import { type Caller, createFrame } from "./api-frame.ts";
import { createOpaqueTokens } from "./opaque-tokens.ts";
import { json } from "./replies.ts";
import { createShelf } from "./resource.ts";

/** From the least to the greatest. */
const TIERS = ["lite", "standard", "professional"] as const;
export type ClaryTier = (typeof TIERS)[number];

const tiers: Readonly<Record<Account, ClaryTier>> = {
  ada: "professional",
  grace: "lite",
  nobody: "lite",
};

/** Assumed: how far ahead of the server's a client's clock may be, in seconds. */
const TOLERANCE = 30;

const words: Readonly<Record<number, readonly [code: string, message: string]>> = {
  401: ["unauthorized", "Invalid API key"],
  403: ["forbidden", "Insufficient permissions"],
  // The page shows no others; these read alike.
  400: ["bad_request", "Malformed request"],
  404: ["not_found", "Not found"],
  405: ["method_not_allowed", "Method not allowed"],
  415: ["unsupported_media_type", "Content-Type must be application/json"],
  429: ["rate_limited", "Rate limit exceeded"],
};

export interface ClaryOptions extends ApiOptions {
  /** What `credentials()` gives: an API key to be sent, or one to sign with. Both are always taken. */
  readonly mode?: "key" | "jwt";
  /** How JWTs must be signed; assumed: HS256. */
  readonly algorithm?: "HS256" | "HS384" | "HS512";
}

interface ClaryCaller extends Caller {
  readonly account: Account;
  readonly tier: ClaryTier;
}

const rank = (tier: unknown): number => TIERS.indexOf(tier as ClaryTier);

export function createClaryApi(options: ClaryOptions = {}): TestApi {
  const { mode = "key", algorithm = "HS256", ...rest } = options;
  const frame = createFrame(rest, Infinity);
  const keys = createOpaqueTokens<Account>(frame.now, "clary_");
  const shelves = { documents: createShelf("document"), workflows: createShelf("workflow") };
  const seconds = (): number => Math.floor(frame.now() / 1000);
  /** JWTs that were presented, in their order. */
  const seen = new Map<string, { index: number; dead: boolean }>();
  let endedAt = -Infinity;

  async function verify(token: string, key: string): Promise<JWTPayload | undefined> {
    try {
      const { payload } = await jwtVerify(token, new TextEncoder().encode(key), {
        algorithms: [algorithm],
        currentDate: new Date(frame.now()),
        requiredClaims: ["sub", "iat", "exp", "tier"],
      });
      return payload;
    } catch {
      return undefined;
    }
  }

  /** The page does not say how the server finds the key: all that live are tried. */
  async function checkJwt(token: string): Promise<ClaryCaller | undefined> {
    for (const [key, { data: account }] of keys.living()) {
      const { iat, tier } = (await verify(token, key)) ?? {};
      if (iat === undefined) continue;
      const entry = seen.get(token) ?? { index: seen.size + 1, dead: false };
      seen.set(token, entry);
      const isOf = iat <= seconds() + TOLERANCE && iat >= endedAt && !entry.dead;
      // Assumed: a JWT may claim no more than its key has.
      return isOf && rank(tier) >= 0 && rank(tier) <= rank(tiers[account])
        ? { account, index: entry.index, tier: tier as ClaryTier }
        : undefined;
    }
    return undefined;
  }

  return {
    ...frame.build<ClaryCaller>({
      scheme: "Bearer",
      problem(status) {
        const [code, message] = words[status] ?? [];
        return json(status, { error: { code, message } });
      },
      check(token) {
        const key = keys.check(token);
        return key
          ? { account: key.data, index: key.index, tier: tiers[key.data] }
          : checkJwt(token);
      },
      resource(call, { account, tier }) {
        const org = orgs[account];
        const isWorkflow = call.url.pathname.startsWith("/v1/workflows");
        // Assumed: which tier may do what.
        const wanted = isWorkflow ? "professional" : call.method === "GET" ? "lite" : "standard";
        if (org === undefined || rank(tier) < rank(wanted)) return 403;
        return (
          shelves.documents(call, "/v1/documents", org) ??
          shelves.workflows(call, "/v1/workflows", org)
        );
      },
    }),
    /** JWTs only: API keys have no end but their revocation. */
    expireAccessTokens() {
      for (const entry of seen.values()) entry.dead = true;
      endedAt = seconds();
    },
    revoke: () => keys.kill(),
    async credentials(account: Account = "ada") {
      // Assumed: an API key has no end, so that no switch gives it one.
      const key = keys.issue(account, Infinity);
      return mode === "key"
        ? { token: key }
        : { apiKey: key, subject: account, tier: tiers[account] };
    },
  };
}
