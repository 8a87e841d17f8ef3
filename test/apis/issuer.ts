/**
 * Issuers of JWTs, each under a path of its own on the control server: a token endpoint that takes
 * assertions as Google's does for service accounts, an API behind its tokens, and a JWKS endpoint.
 * https://developers.google.com/identity/protocols/oauth2/service-account#httprest
 */
import { importJWK, type JWK, jwtVerify } from "jose";
import { html, json } from "./replies.ts";

/** A service account, as the server knows it. */
export interface IssuerClient {
  readonly email: string;
  readonly kid: string;
  readonly publicKey: JWK;
}

/** What a test sets, as JSON. */
export interface IssuerSwitches {
  readonly clients: readonly IssuerClient[];
  /** How many milliseconds the server's clock is ahead. */
  readonly clockOffset: number;
  /** The JWKS endpoint's body; any JSON. */
  readonly jwks: unknown;
  /** How that endpoint answers. */
  readonly mode: "good" | "redirect" | "hang" | "drip" | "huge" | "html" | "fails";
}

export interface IssuerCounters {
  readonly tokenCalls: number;
  readonly refused: number;
  readonly apiCalls: number;
  readonly jwksCalls: number;
}

interface Issuer {
  switches: IssuerSwitches;
  counters: { -readonly [Name in keyof IssuerCounters]: number };
  readonly tokens: Set<string>;
}

const GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const forever = (): Promise<never> => new Promise(() => {});

const fresh = (): Issuer => ({
  switches: { clients: [], clockOffset: 0, jwks: { keys: [] }, mode: "good" },
  counters: { tokenCalls: 0, refused: 0, apiCalls: 0, jwksCalls: 0 },
  tokens: new Set(),
});

/** The scope or the audience that an assertion of one of the clients asks for. */
async function verify(
  { switches }: Issuer,
  assertion: string,
  { tokenUrl, now }: { tokenUrl: string; now: number },
): Promise<{ scope: string } | { audience: string }> {
  const { payload, protectedHeader } = await jwtVerify(
    assertion,
    async ({ kid }) => {
      const client = switches.clients.find((one) => one.kid === kid);
      if (!client) throw new Error("No such key");
      return importJWK(client.publicKey, "RS256");
    },
    {
      algorithms: ["RS256"],
      audience: tokenUrl,
      currentDate: new Date(now),
      requiredClaims: ["iss", "iat", "exp"],
      maxTokenAge: "1h",
      typ: "JWT",
    },
  );
  const client = switches.clients.find(({ kid }) => kid === protectedHeader.kid);
  if (payload.iss !== client?.email) throw new Error("Another's key");
  if (payload.exp! - payload.iat! > 3_600) throw new Error("Not a short-lived token");
  if (typeof payload["target_audience"] === "string")
    return { audience: payload["target_audience"] };
  if (typeof payload["scope"] !== "string") throw new Error("No scope");
  return { scope: payload["scope"] };
}

async function exchange(issuer: Issuer, request: Request, now: number): Promise<Response> {
  issuer.counters.tokenCalls += 1;
  const { method, url, headers } = request;
  const type = headers.get("content-type")?.split(";")[0];
  if (method !== "POST" || type !== "application/x-www-form-urlencoded")
    return json(400, { error: "invalid_request" });
  const form = new URLSearchParams(await request.text());
  if (form.get("grant_type") !== GRANT_TYPE) return json(400, { error: "unsupported_grant_type" });
  try {
    const assertion = form.get("assertion") ?? "";
    const asked = await verify(issuer, assertion, { tokenUrl: url, now });
    const token = `ya29.${crypto.randomUUID()}`;
    issuer.tokens.add(token);
    if ("audience" in asked) return json(200, { id_token: token, expires_in: 3_599 });
    const { scope } = asked;
    return json(200, { access_token: token, expires_in: 3_599, scope, token_type: "Bearer" });
  } catch (error) {
    issuer.counters.refused += 1;
    const { message } = error as Error;
    return json(400, { error: "invalid_grant", error_description: message });
  }
}

function callApi({ tokens, counters }: Issuer, request: Request): Response {
  counters.apiCalls += 1;
  const [, token = ""] = /^Bearer (\S+)$/.exec(request.headers.get("authorization") ?? "") ?? [];
  return tokens.has(token) ? json(200, { buckets: [] }) : json(401, { error: { code: 401 } });
}

/** A body that begins, and never ends. */
const dripping = (): Response =>
  new Response(
    new ReadableStream({
      start: (controller) => controller.enqueue(new TextEncoder().encode('{"keys":[')),
    }),
    { headers: { "content-type": "application/json" } },
  );

async function sendKeys({ switches, counters }: Issuer, url: string): Promise<Response> {
  counters.jwksCalls += 1;
  switch (switches.mode) {
    case "redirect":
      return new Response(null, {
        status: 302,
        headers: { location: url.replace("jwks", "moved") },
      });
    case "hang":
      return forever();
    case "drip":
      return dripping();
    case "huge":
      return json(200, { keys: [], padding: "x".repeat(2_000_000) });
    case "html":
      return html(200, "Sign in to this network");
    case "fails":
      return json(503, { keys: [] }, { "retry-after": "7" });
    case "good":
      return json(200, switches.jwks);
  }
}

/** Answers below `/issuer/<any id>/`. */
export function createIssuers(): (
  request: Request,
  id: string,
  action: string,
) => Promise<Response> {
  const issuers = new Map<string, Issuer>();

  async function answer(issuer: Issuer, request: Request, action: string): Promise<Response> {
    const now = Date.now() + issuer.switches.clockOffset;
    switch (action) {
      case "token":
        return exchange(issuer, request, now);
      case "jwks":
        return sendKeys(issuer, request.url);
      case "moved":
        return json(200, issuer.switches.jwks);
      case "api":
        return callApi(issuer, request);
      case "expire":
        issuer.tokens.clear();
        return json(200, {});
      case "counters":
        return json(200, issuer.counters);
      case "set": {
        const changes = (await request.json()) as Partial<IssuerSwitches>;
        issuer.switches = { ...issuer.switches, ...changes };
        return json(200, {});
      }
      default:
        return json(404, {});
    }
  }

  return async (request, id, action) => {
    const issuer = issuers.get(id) ?? fresh();
    issuers.set(id, issuer);
    const reply = await answer(issuer, request, action);
    const now = Date.now() + issuer.switches.clockOffset;
    reply.headers.set("date", new Date(now).toUTCString());
    return reply;
  };
}

/** A test's side of one issuer. */
export interface SpawnedIssuer {
  readonly url: string;
  set(switches: Partial<IssuerSwitches>): Promise<void>;
  expire(): Promise<void>;
  counters(): Promise<IssuerCounters>;
}

export function spawnIssuer(control: string): SpawnedIssuer {
  const url = `${control.replace(/\/$/, "")}/issuer/${crypto.randomUUID()}`;
  const send = async (action: string, body: object): Promise<void> => {
    await (await fetch(`${url}/${action}`, { method: "POST", body: JSON.stringify(body) })).text();
  };
  return {
    url,
    set: (switches) => send("set", switches),
    expire: () => send("expire", {}),
    counters: async () => (await (await fetch(`${url}/counters`)).json()) as IssuerCounters,
  };
}
