/** The API that keeps its refresh token in a cookie, and what the demo's buttons may do to it. */
import type { ApiKind } from "../../test/apis/contract.ts";
import { withCredentials } from "../../test/apis/cookie-servers.ts";
import { createCookieApi } from "../../test/apis/cookies.ts";
import { createFaults } from "../../test/apis/faults.ts";
import { serve } from "../../test/apis/sockets.ts";
import { createLog } from "./api-log.ts";
import type { Hosted } from "./hosted.ts";
import { exposed, kindOf, wire } from "./wire.ts";

interface CookieHost {
  readonly port: number;
  /** Of an access token, milliseconds. */
  readonly life: number;
  /** Whose pages may send the cookie. */
  readonly isPage: (origin: string) => boolean;
}

export async function hostCookie({ port, life, isPage }: CookieHost): Promise<Hosted> {
  // A browser has one jar for all ports of a host: below this path no other server of the demo's sees it.
  const attributes = "Path=/auth; SameSite=Strict";
  const password = crypto.randomUUID();
  const api = createCookieApi({ life, attributes, password, ending: crypto.randomUUID() });
  const faults = createFaults<ApiKind>();
  const log = createLog(async (request) => {
    const kind = kindOf(request);
    const answer = (): Promise<Response> => api.fetch(request);
    const meets = kind === "refresh" ? kind : "api";
    return wire(kind, await faults.run(meets, answer, request.signal));
  }, kindOf);
  const open = withCredentials(log.handler, { allows: isPage, expose: exposed });
  const { url, close } = await serve(open, { port }).catch(() => serve(open));

  return {
    id: "cookie",
    url,
    log,
    close,
    credentials: async (account) => ({ email: `${account}@example.com`, password }),
    expire: async () => api.expire(),
    async revoke() {
      api.forget();
      api.expire();
    },
    // Only the Worker's APIs need it, and a Worker has no cookies.
    refuse() {},
    fault: (fault) => faults.fault("refresh", fault),
    hold: () => faults.gate("refresh", "after"),
  };
}
