/** The APIs behind the demo: the repository's test servers, each with an origin of its own. */
import { apis, type ApiName } from "../../test/apis/apis.ts";
import { cors } from "../../test/apis/cors.ts";
import { serve } from "../../test/apis/sockets.ts";
import { type Levers, LIFE, presetApi, REUSE_WINDOW } from "./api.ts";
import { hostCookie } from "./hosted-cookie.ts";
import { hostOAuth } from "./hosted-oauth.ts";
import { exposed } from "./wire.ts";

/** Longer, because no picture here begins with a token that is new: a button does not log in. */
const LOGIN_LIFE = 60_000;

/** As long as VMCloud's: the Worker's tokens end when a button says so. */
const DAY = 24 * 3_600_000;

/** Begins the names of the Worker's APIs. */
export const EDGE = "edge-";

/** Ports that are taken if they are free, so that a session outlives a restart of the page. */
const FIRST_PORT = 5199;

/** An API with an origin; `EDGE` stands before its name where only the Worker calls it. */
export interface Hosted extends Levers {
  /** The API's origin. */
  readonly url: string;
  close(): Promise<void>;
}

async function host(id: ApiName, port: number, life: number): Promise<Hosted> {
  const { handler, ...api } = presetApi(id, life);
  const open = cors(handler, { expose: exposed });
  const { url, close } = await serve(open, { port }).catch(() => serve(open));
  return { ...api, url, close };
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
