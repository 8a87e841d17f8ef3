/**
 * An API that keeps its refresh token in an HttpOnly cookie: sign-in, refresh with rotation and reuse
 * detection, sign-out. `/auth/page` signs in as a server's own page does, beside any vault.
 */
import type { Handler } from "./replies.ts";

/** What can be changed while it runs. */
export interface CookieApiSwitches {
  /** How long an access token lives, milliseconds. */
  life: number;
  /** The attributes of the cookie. */
  attributes: string;
  /** What must come along with refresh and sign-out. */
  csrf: "none" | "fixed" | "cookie" | "reply";
  /** Access tokens are opaque, and only the reply's `user` tells whose they are. */
  isOpaque: boolean;
  rotates: boolean;
  /** With which everybody signs in. */
  password: string;
  /** How its secrets end. */
  ending: string;
  /** Answers instead of the API, or holds a request; `undefined` goes on. */
  before: (kind: Kind, request: Request) => Response | undefined | Promise<Response | undefined>;
  /** The same once the server has done its part. */
  after: (kind: Kind, reply: Response, request: Request) => Response | Promise<Response>;
}

export type Kind = "login" | "refresh" | "logout" | "page" | "api";

export interface CookieApi extends CookieApiSwitches {
  readonly fetch: Handler;
  readonly calls: { readonly kind: Kind; readonly user: string | undefined; status: number }[];
  /** The calls of a kind. */
  to(kind: Kind): readonly { readonly status: number; readonly user: string | undefined }[];
  /** How often a refresh token came that had been spent. */
  reuses(): number;
  /** Who is signed in at the server. */
  users(): string[];
  /** Ends all access tokens that are out. */
  expire(): void;
  /** Ends all sessions. */
  forget(): void;
}

interface Family {
  readonly user: string;
  isOver: boolean;
}

const KINDS: Readonly<Record<string, Kind>> = {
  "/auth/login": "login",
  "/auth/refresh": "refresh",
  "/auth/logout": "logout",
  "/auth/page": "page",
};

const base64url = (value: unknown): string =>
  Buffer.from(JSON.stringify(value)).toString("base64url");

export function createCookieApi(
  given: Partial<CookieApiSwitches> = {},
  now: () => number = Date.now,
): CookieApi {
  const tokens = new Map<string, { readonly family: Family; isSpent: boolean }>();
  const access = new Map<string, { readonly family: Family; readonly diesAt: number }>();
  const families: Family[] = [];
  let serial = 0;
  let reuses = 0;

  const json = (status: number, body: unknown, cookies: readonly string[] = []): Response => {
    const reply = Response.json(body, { status });
    for (const line of cookies) reply.headers.append("set-cookie", line);
    return reply;
  };

  function cookieOf(request: Request, name: string): string | undefined {
    const sent = request.headers.get("cookie") ?? request.headers.get("x-test-cookie") ?? "";
    const found = sent.split("; ").find((one) => one.startsWith(`${name}=`));
    return found?.slice(name.length + 1);
  }

  function give(family: Family): Response {
    serial += 1;
    const refresh = `refresh-${serial}-${api.ending}`;
    tokens.set(refresh, { family, isSpent: false });
    const iat = Math.floor(now() / 1_000);
    const claims = { sub: family.user, iat, exp: iat + api.life / 1_000, jti: serial };
    const token = api.isOpaque
      ? `opaque-${serial}-${api.ending}`
      : `${base64url({ alg: "none" })}.${base64url(claims)}.c2ln`;
    access.set(token, { family, diesAt: now() + api.life });
    const body = {
      access_token: token,
      expires_in: api.life / 1_000,
      user: family.user,
      csrf: `csrf-${family.user}`,
      // Nobody may keep it, though the reply has it.
      refresh_token: refresh,
    };
    return json(200, body, [
      `refresh=${refresh}; ${api.attributes}; HttpOnly`,
      `XSRF-TOKEN=csrf-${family.user}; ${api.attributes}`,
    ]);
  }

  function begin(user: string): Response {
    const family = { user, isOver: false };
    families.push(family);
    return give(family);
  }

  const isForged = (request: Request, user: string | undefined): boolean => {
    if (api.csrf === "none") return false;
    if (api.csrf === "fixed") return request.headers.get("x-requested-with") !== "vault";
    return request.headers.get("x-csrf") !== `csrf-${user}`;
  };

  async function signIn(request: Request): Promise<Response> {
    const { email, password } = (await request.json()) as Record<string, string>;
    return password === api.password && email ? begin(email) : json(401, { error: "no" });
  }

  function refresh(request: Request): Response {
    const found = tokens.get(cookieOf(request, "refresh") ?? "");
    if (isForged(request, found?.family.user)) return json(403, { error: "forged" });
    if (!found || found.family.isOver) return json(401, { error: "no session" });
    if (found.isSpent && api.rotates) {
      reuses += 1;
      found.family.isOver = true;
      return json(401, { error: "reused" });
    }
    found.isSpent = api.rotates;
    return give(found.family);
  }

  function signOut(request: Request): Response {
    const found = tokens.get(cookieOf(request, "refresh") ?? "");
    if (isForged(request, found?.family.user)) return json(403, { error: "forged" });
    if (found) found.family.isOver = true;
    return json(200, {}, [`refresh=; ${api.attributes}; Max-Age=0`]);
  }

  function serve(request: Request): Response {
    const token = request.headers.get("authorization")?.slice("Bearer ".length) ?? "";
    const found = access.get(token);
    return found && now() < found.diesAt
      ? json(200, { user: found.family.user })
      : json(401, { error: "no" });
  }

  async function answer(kind: Kind, request: Request): Promise<Response> {
    switch (kind) {
      case "login":
        return signIn(request);
      case "page":
        return begin(new URL(request.url).searchParams.get("user") ?? "");
      case "refresh":
        return refresh(request);
      case "logout":
        return signOut(request);
      case "api":
        return serve(request);
    }
  }

  const api: CookieApi = {
    life: 3_600_000,
    attributes: "Path=/",
    csrf: "none",
    isOpaque: false,
    rotates: true,
    password: "right",
    ending: "secret",
    before: () => undefined,
    after: (_, reply) => reply,
    ...given,
    calls: [],
    to: (kind) => api.calls.filter((one) => one.kind === kind),
    reuses: () => reuses,
    users: () => families.filter(({ isOver }) => !isOver).map(({ user }) => user),
    expire: () => access.clear(),
    forget() {
      for (const family of families) family.isOver = true;
    },
    async fetch(request) {
      const kind = KINDS[new URL(request.url).pathname] ?? "api";
      const user = tokens.get(cookieOf(request, "refresh") ?? "")?.family.user;
      const call = { kind, user, status: 0 };
      api.calls.push(call);
      const early = await api.before(kind, request);
      const reply = early ?? (await api.after(kind, await answer(kind, request), request));
      call.status = reply.status;
      return reply;
    },
  };
  return api;
}
