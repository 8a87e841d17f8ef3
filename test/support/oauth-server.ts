/** An OpenID provider without a network: small, and as false as a test wants it. */
import { base64url, exportJWK, generateKeyPair, SignJWT } from "jose";

export const ISSUER = "https://login.acme.test";
export const API = "https://api.acme.test";
export const CLIENT = "acme-web";

export interface Seen {
  readonly path: string;
  readonly method: string;
  readonly headers: Headers;
  readonly form: URLSearchParams;
  readonly init: RequestInit | undefined;
}

interface Login {
  readonly query: URLSearchParams;
  readonly sub: string;
}

export interface OAuthServerFake {
  readonly fetch: typeof fetch;
  readonly seen: Seen[];
  to(path: string): Seen[];
  /** The user says yes at this authorization URL: the URL that the browser is sent back to. */
  login(url: string | URL, sub?: string): string;
  /** Stand in the place of what it would have answered. */
  metadata: (told: Record<string, unknown>) => unknown;
  token: (told: Record<string, unknown>, form: URLSearchParams) => unknown;
  idToken: (claims: Record<string, unknown>) => Record<string, unknown> | string;
  answer: (seen: Seen) => Response | Promise<Response> | undefined;
  alg: "ES256" | "RS256";
  now: () => number;
  /** Signs by a key that is not in its set. */
  isForging: boolean;
}

const reply = (body: unknown, status = 200): Response => Response.json(body, { status });

/** RFC 7636 §4.2. */
export async function challengeOf(verifier: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  return base64url.encode(new Uint8Array(hash));
}

export async function oauthServer(): Promise<OAuthServerFake> {
  const keys = await generateKeyPair("ES256");
  const rsa = await generateKeyPair("RS256");
  const forged = await generateKeyPair("ES256");
  const seen: Seen[] = [];
  const codes = new Map<string, Login>();
  const tokens = new Map<string, Login>();
  let count = 0;

  async function idTokenOf({ query, sub }: Login, isFirst: boolean): Promise<string> {
    const seconds = Math.floor(server.now() / 1_000);
    const claims = server.idToken({
      iss: ISSUER,
      sub,
      aud: CLIENT,
      iat: seconds,
      exp: seconds + 300,
      auth_time: seconds,
      name: "Ada",
      ...(isFirst && query.get("nonce") && { nonce: query.get("nonce") }),
    });
    if (typeof claims === "string") return claims;
    const { alg } = server;
    const key = server.isForging ? forged : alg === "RS256" ? rsa : keys;
    return new SignJWT(claims).setProtectedHeader({ alg, kid: alg }).sign(key.privateKey);
  }

  async function grant(login: Login, isFirst: boolean, form: URLSearchParams): Promise<Response> {
    count += 1;
    const refresh = `refresh-${count}-secret`;
    tokens.set(refresh, login);
    const told = {
      access_token: `access-${count}-secret`,
      token_type: "Bearer",
      expires_in: 3600,
      refresh_token: refresh,
      ...(login.query.get("scope")?.includes("openid") && {
        id_token: await idTokenOf(login, isFirst),
      }),
    };
    const said = server.token(told, form);
    return said instanceof Response ? said : reply(said);
  }

  async function redeem(form: URLSearchParams): Promise<Response> {
    const login = codes.get(form.get("code") ?? "");
    codes.delete(form.get("code") ?? "");
    const isRight =
      login?.query.get("redirect_uri") === form.get("redirect_uri") &&
      login?.query.get("code_challenge") === (await challengeOf(form.get("code_verifier") ?? ""));
    return login && isRight ? grant(login, true, form) : reply({ error: "invalid_grant" }, 400);
  }

  async function refresh(form: URLSearchParams): Promise<Response> {
    const login = tokens.get(form.get("refresh_token") ?? "");
    tokens.delete(form.get("refresh_token") ?? "");
    return login ? grant(login, false, form) : reply({ error: "invalid_grant" }, 400);
  }

  async function route({ path, form }: Seen): Promise<Response> {
    if (path === "/.well-known/openid-configuration")
      return reply(
        server.metadata({
          issuer: ISSUER,
          authorization_endpoint: `${ISSUER}/authorize`,
          token_endpoint: `${ISSUER}/token`,
          revocation_endpoint: `${ISSUER}/revoke`,
          userinfo_endpoint: `${API}/userinfo`,
          end_session_endpoint: `${ISSUER}/logout`,
          jwks_uri: `${ISSUER}/keys`,
          authorization_response_iss_parameter_supported: true,
          code_challenge_methods_supported: ["S256"],
          id_token_signing_alg_values_supported: ["ES256", "none", "HS256"],
        }),
      );
    if (path === "/keys")
      return reply({
        keys: [
          { ...(await exportJWK(keys.publicKey)), kid: "ES256", alg: "ES256", use: "sig" },
          { ...(await exportJWK(rsa.publicKey)), kid: "RS256", alg: "RS256", use: "sig" },
        ],
      });
    if (path === "/token")
      return form.get("grant_type") === "refresh_token" ? refresh(form) : redeem(form);
    if (path === "/revoke") return new Response(null);
    if (path === "/userinfo") return reply({ sub: "ada", email: "ada@acme.test" });
    return reply({ error: "nothing here" }, 404);
  }

  const server: OAuthServerFake = {
    seen,
    to: (path) => seen.filter((one) => one.path === path),
    async fetch(input, init) {
      const request = new Request(input as string, { ...init, mode: "cors" } as RequestInit);
      const form = new URLSearchParams(request.method === "POST" ? await request.text() : "");
      const path = new URL(request.url).pathname;
      const one: Seen = { path, method: request.method, headers: request.headers, form, init };
      seen.push(one);
      return (await server.answer(one)) ?? route(one);
    },
    login(url, sub = "ada") {
      const query = new URL(url).searchParams;
      count += 1;
      const code = `code-${count}-secret`;
      codes.set(code, { query, sub });
      const back = new URL(query.get("redirect_uri") ?? "");
      back.searchParams.set("code", code);
      back.searchParams.set("state", query.get("state") ?? "");
      back.searchParams.set("iss", ISSUER);
      return back.href;
    },
    metadata: (told) => told,
    token: (told) => told,
    idToken: (claims) => claims,
    answer: () => undefined,
    alg: "ES256",
    now: Date.now,
    isForging: false,
  };
  return server;
}
