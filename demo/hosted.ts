/** The APIs behind the demo: the repository's test servers, each with an origin of its own. */
import { cors } from "../test/apis/cors.ts";
import type { Fault } from "../test/apis/faults.ts";
import type { Handler } from "../test/apis/replies.ts";
import { serve, type Served } from "../test/apis/sockets.ts";
import { createVmcloudApi } from "../test/apis/vmcloud.ts";
import { type ApiLog, createLog } from "./api-log.ts";
import type { ApiId } from "./apis.ts";

/** A token's life: a second stands for an hour of VMCloud's. */
export const LIFE = 24_000;

/** How long a spent refresh token may come again, where rotation is not strict. */
export const REUSE_WINDOW = 10_000;

/** Ports that are taken if they are free, so that a session outlives a restart of the page. */
const FIRST_PORT = 5199;

/** What goes wrong at the endpoint that gives tokens, or where there is none, at the API. */
export const faults: Readonly<Record<string, Fault>> = {
  "503": { status: 503, body: "Service Unavailable" },
  "429": { status: 429, body: { error: "slow down" }, headers: { "retry-after": "1" } },
  slow: { delay: 2_500 },
  lost: { dropReply: "half" },
};

/** What the demo's buttons may do to an API. */
interface Backstage {
  readonly fetch: Handler;
  readonly kindOf: (request: Request) => "request" | "refresh" | "sign-in";
  /** Ends all access tokens. */
  expire(): void;
  /** Ends what access tokens are got with, too. */
  revoke(): void;
  fault(fault: Fault): void;
  /** Whether a spent refresh token that comes again ends the session. */
  strict?(strict: boolean): void;
}

export interface Hosted extends Backstage {
  readonly id: ApiId;
  /** The API's origin. */
  readonly url: string;
  readonly log: ApiLog;
  close(): Promise<void>;
}

const path = (request: Request): string => new URL(request.url).pathname;

const backstages: Readonly<Record<ApiId, () => Backstage>> = {
  vmcloud() {
    const api = createVmcloudApi({ life: LIFE, rotation: "window", reuseWindow: REUSE_WINDOW });
    return {
      fetch: api.fetch,
      kindOf: (request) =>
        path(request) === "/api/v1/auth/refresh"
          ? "refresh"
          : path(request) === "/api/v1/auth/token"
            ? "sign-in"
            : "request",
      expire: api.expireAccessTokens,
      revoke() {
        api.revokeFamilies();
        api.expireAccessTokens();
      },
      fault: (fault) => api.fault("refresh", fault),
      strict: (strict) => api.set({ rotation: strict ? "strict" : "window" }),
    };
  },
};

/** As fast as a network is, so that there is something to see. */
async function wire(kind: string, reply: Response): Promise<Response> {
  const ms = !reply.ok ? 0 : kind === "request" ? 12 + 24 * Math.random() : 600;
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
  return reply;
}

async function host(id: ApiId, port: number): Promise<Hosted> {
  const backstage = backstages[id]();
  const { fetch, kindOf } = backstage;
  const log = createLog(async (request) => wire(kindOf(request), await fetch(request)), kindOf);
  const open = cors(log.handler, { expose: ["retry-after", "date", "www-authenticate"] });
  const served: Served = await serve(open, { port }).catch(() => serve(open));
  return { ...backstage, id, log, url: served.url, close: served.close };
}

/** Starts them all. */
export function hostAll(): Promise<Hosted[]> {
  return Promise.all(
    Object.keys(backstages).map((id, index) => host(id as ApiId, FIRST_PORT + index)),
  );
}
