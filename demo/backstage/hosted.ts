/** The APIs behind the demo: the repository's test servers, each with an origin of its own. */
import {
  type Account,
  type ApiEntry,
  apis,
  type ApiName,
  createApi,
} from "../../test/apis/apis.ts";
import { cors } from "../../test/apis/cors.ts";
import type { Fault } from "../../test/apis/faults.ts";
import type { Gate } from "../../test/apis/gates.ts";
import { serve } from "../../test/apis/sockets.ts";
import { createVmcloudApi } from "../../test/apis/vmcloud.ts";
import { type ApiLog, createLog } from "./api-log.ts";
import { hostCookie } from "./hosted-cookie.ts";
import { hostOAuth } from "./hosted-oauth.ts";
import { exposed, kindOf, sleep, wire } from "./wire.ts";

/** A token's life, where it can be renewed: a second stands for an hour of VMCloud's. */
const LIFE = 24_000;

/** Longer, because no picture here begins with a token that is new: a button does not log in. */
const LOGIN_LIFE = 60_000;

/** As long as VMCloud's: the Worker's tokens end when a button says so. */
const DAY = 24 * 3_600_000;

/** How long VMCloud takes a spent refresh token once more, where its rotation is not strict. */
export const REUSE_WINDOW = 20_000;

/** Begins the names of the Worker's APIs. */
export const EDGE = "edge-";

/** Ports that are taken if they are free, so that a session outlives a restart of the page. */
const FIRST_PORT = 5199;

/** What goes wrong at the endpoint that gives tokens. */
export const faults: Readonly<Record<string, Fault>> = {
  "503": { status: 503, body: "Service Unavailable" },
  "429": { status: 429, body: { error: "slow down" }, headers: { "retry-after": "1" } },
  slow: { delay: 2_500 },
  lost: { dropReply: "half" },
};

/** What the demo's buttons may do to an API. */
export interface Hosted {
  /** Its name in the page's list; `EDGE` stands before it where only the Worker calls it. */
  readonly id: string;
  /** The API's origin. */
  readonly url: string;
  readonly log: ApiLog;
  /** What one signs in with: as a person, or the API's console, gives it. */
  credentials(account: Account): Promise<Readonly<Record<string, string>>>;
  /** Ends all access tokens. */
  expire(): Promise<void>;
  /** Ends what access tokens are got with, too. */
  revoke(): Promise<void>;
  /** From now on, or no longer, every token is one that the API does not know. */
  refuse(on: boolean): void;
  fault(fault: Fault): void;
  /** Keeps the next call for a token back, when all is done but the reply. */
  hold(): Gate;
  /** Whether a spent refresh token that comes again ends the session, as it does at first; absent where there is none. */
  readonly strict?: (strict: boolean) => void;
  close(): Promise<void>;
}

/** The same with a token that nobody was given: the API says so itself, and counts it. */
function spoil(request: Request): Request {
  const [scheme] = (request.headers.get("authorization") ?? "").split(" ");
  return new Request(request, { headers: { authorization: `${scheme} revoked` } });
}

async function host(id: ApiName, port: number, life: number): Promise<Hosted> {
  const window = { rotation: "window", reuseWindow: REUSE_WINDOW } as const;
  const { renewal = "api" }: ApiEntry = apis[id];
  const vmcloud = id === "vmcloud" ? createVmcloudApi({ rotation: "strict", life }) : undefined;
  const api = vmcloud ?? createApi(id, apis[id].heals ? { life } : {});
  let refusing = false;
  const answer = (request: Request): Promise<Response> =>
    api.fetch(refusing ? spoil(request) : request);
  const log = createLog(async (request) => wire(kindOf(request), await answer(request)), kindOf);
  const open = cors(log.handler, { expose: exposed });
  const { url, close } = await serve(open, { port }).catch(() => serve(open));

  return {
    id,
    url,
    log,
    close,
    credentials: (account) => api.credentials(account),
    async expire() {
      // JWTs that are signed within one second are the same: the next one would be refused, too.
      if (id === "clary-jwt") await sleep(1_001 - (Date.now() % 1_000));
      api.expireAccessTokens();
    },
    async revoke() {
      api.revoke();
      api.expireAccessTokens();
    },
    refuse: (on) => void (refusing = on),
    fault: (fault) => api.fault(renewal, fault),
    hold: () => api.gate(renewal, "after"),
    ...(vmcloud && {
      strict: (strict: boolean) => vmcloud.set(strict ? { rotation: "strict" } : window),
    }),
  };
}

/** The Worker's own, so that what they count is the Worker's alone. */
async function hostEdge(): Promise<Hosted[]> {
  const names = ["vmcloud", "artos", "clary-jwt", "simplismart", "qovery"] as const;
  const five = await Promise.all(names.map((id) => host(id, 0, DAY)));
  // One Clary takes the key, and what is signed with it.
  const clary = five.find(({ id }) => id === "clary-jwt")!;
  return [...five, { ...clary, id: "clary" }].map((api) => ({
    ...api,
    id: EDGE + api.id,
    // A static token that was revoked would be of no use to the next visitors.
    ...(!apis[api.id as ApiName].heals && { expire: async () => api.refuse(true) }),
  }));
}

/** Starts them all. `isPage`: whether an origin is the demo's page's. */
export async function hostAll(isPage: (origin: string) => boolean): Promise<Hosted[]> {
  const ids = Object.keys(apis) as ApiName[];
  const pages = ids.map((id, index) => host(id, FIRST_PORT + index, LIFE));
  pages.push(hostCookie({ port: FIRST_PORT + ids.length, life: LIFE, isPage }));
  const port = FIRST_PORT + ids.length + 1;
  pages.push(hostOAuth({ port, life: LOGIN_LIFE, reuseWindow: REUSE_WINDOW, isPage }));
  return [...(await Promise.all(pages)), ...(await hostEdge())];
}
