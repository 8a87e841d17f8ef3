/** The API behind an OAuth server with a login page, and what the demo's buttons may do to both. */
import { cors } from "../../test/apis/cors.ts";
import { createOAuthApi } from "../../test/apis/oauth/authorization-server.ts";
import type { Handler } from "../../test/apis/replies.ts";
import { serve } from "../../test/apis/sockets.ts";
import { createLog, type LogEntry } from "./api-log.ts";
import type { Hosted } from "./hosted.ts";
import { exposed, wire } from "./wire.ts";

interface OAuthHost {
  readonly port: number;
  /** Of an access token, milliseconds. */
  readonly life: number;
  /** How long a spent refresh token is taken once more where rotation is not strict; milliseconds. */
  readonly reuseWindow: number;
  /** Whose pages users are sent back to. */
  readonly isPage: (origin: string) => boolean;
}

type Kind = LogEntry["kind"];

const paths: Readonly<Record<string, Kind>> = {
  "/authorize": "sign-in",
  "/keys": "sign-in",
  "/.well-known/openid-configuration": "sign-in",
  "/revoke": "sign-out",
  "/logout": "sign-out",
};

/** The token endpoint does two things; which one stands in the form. */
async function kindOf(request: Request): Promise<Kind> {
  const { pathname } = new URL(request.url);
  if (pathname !== "/token") return paths[pathname] ?? "request";
  const form = new URLSearchParams(await request.clone().text());
  return form.get("grant_type") === "refresh_token" ? "refresh" : "sign-in";
}

const originOf = (address: string): string =>
  URL.canParse(address) ? new URL(address).origin : "";

export async function hostOAuth({ port, life, reuseWindow, isPage }: OAuthHost): Promise<Hosted> {
  const kinds = new WeakMap<Request, Kind>();
  const kindIn = (request: Request): Kind => kinds.get(request) ?? "request";
  /** Its metadata names its address, which is known when it has one. */
  let answer: Handler = async () => new Response(null, { status: 503 });
  const log = createLog(async (request) => wire(kindIn(request), await answer(request)), kindIn);
  const open = cors(
    async (request) => {
      kinds.set(request, await kindOf(request));
      return log.handler(request);
    },
    { expose: exposed },
  );
  const { url, close } = await serve(open, { port }).catch(() => serve(open));
  const api = createOAuthApi(
    {
      issuer: url,
      places: {
        metadata: `${url}/.well-known/openid-configuration`,
        authorize: `${url}/authorize`,
        token: `${url}/token`,
        revoke: `${url}/revoke`,
        keys: `${url}/keys`,
        logout: `${url}/logout`,
        api: `${url}/api`,
      },
      clientId: "demo",
      namesIssuer: true,
      redirectsTo: (address) => isPage(originOf(address)),
      // So that nobody has to guess.
      showsPassword: true,
    },
    { life, password: crypto.randomUUID() },
  );
  answer = api.fetch;

  return {
    id: "oauth",
    url,
    log,
    close,
    // One logs in at its own page.
    credentials: async () => ({}),
    expire: async () => api.expireAccessTokens(),
    async revoke() {
      api.revoke();
      api.expireAccessTokens();
    },
    // Only the Worker's APIs need it.
    refuse() {},
    fault: (fault) => api.fault("refresh", fault),
    hold: () => api.gate("refresh", "after"),
    strict: (strict) =>
      api.set(strict ? { rotation: "strict" } : { rotation: "window", reuseWindow }),
  };
}
