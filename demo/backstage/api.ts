/** An API of the demo's, wherever it runs: one of the repository's test servers, its log, and its levers. */
import {
  type Account,
  type ApiEntry,
  apis,
  type ApiName,
  createApi,
} from "../../test/apis/apis.ts";
import type { Fault } from "../../test/apis/faults.ts";
import type { Gate } from "../../test/apis/gates.ts";
import type { Handler } from "../../test/apis/replies.ts";
import { createVmcloudApi } from "../../test/apis/vmcloud.ts";
import { type ApiLog, createLog } from "./api-log.ts";
import { kindOf, sleep, wire } from "./wire.ts";

/** A token's life, where it can be renewed: a second stands for an hour of VMCloud's. */
export const LIFE = 24_000;

/** How long VMCloud takes a spent refresh token once more, where its rotation is not strict. */
export const REUSE_WINDOW = 20_000;

/** What the demo's buttons may do to an API. */
export interface Levers {
  /** Its name in the page's list. */
  readonly id: string;
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
}

/** The same with a token that nobody was given: the API says so itself, and counts it. */
function spoil(request: Request): Request {
  const [scheme] = (request.headers.get("authorization") ?? "").split(" ");
  return new Request(request, { headers: { authorization: `${scheme} revoked` } });
}

/** The API of a preset, and who answers its calls. `life` of an access token is in milliseconds. */
export function presetApi(id: ApiName, life: number): Levers & { readonly handler: Handler } {
  const window = { rotation: "window", reuseWindow: REUSE_WINDOW } as const;
  const { renewal = "api" }: ApiEntry = apis[id];
  const vmcloud = id === "vmcloud" ? createVmcloudApi({ rotation: "strict", life }) : undefined;
  const api = vmcloud ?? createApi(id, apis[id].heals ? { life } : {});
  let refusing = false;
  const answer = (request: Request): Promise<Response> =>
    api.fetch(refusing ? spoil(request) : request);
  const log = createLog(async (request) => wire(kindOf(request), await answer(request)), kindOf);

  return {
    id,
    log,
    handler: log.handler,
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
